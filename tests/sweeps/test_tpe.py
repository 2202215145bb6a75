"""Settings that Optuna proposes."""

import pytest

from mmvae.sweeps import tpe
from mmvae.sweeps.space import Range, Space


def test_tpe_closes_in_and_continues_alike(tmp_path):
    pytest.importorskip("optuna")
    varied = Space({}, {"x": Range(-5.0, 5.0)}, {})
    history = []
    for _ in range(25):
        setting = tpe.propose(varied, history, less=True)
        assert setting == tpe.propose(varied, history, less=True)
        history.append((setting, (setting["x"] - 1.0) ** 2 if len(history) != 3 else None))
    late = [abs(setting["x"] - 1.0) for setting, _ in history[15:]]
    assert min(late) < 0.5 and sorted(late)[5] < 2.0
