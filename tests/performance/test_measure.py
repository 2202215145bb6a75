"""The whole measurement, where it cannot be made."""

import jax
import pytest

from configs import base
from mmvae.errors import UserError
from mmvae.performance import measure


def test_too_little_memory_is_told_in_one_sentence(monkeypatch):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(measure, "_measure", fail)
    with pytest.raises(UserError, match="--config.train.batch_size=128"):
        measure.measure(base.get_config(), 1.0, 100)
