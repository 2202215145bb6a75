"""What an objective cannot use is refused in one sentence, before training."""

import pytest

from configs import base
from mmvae.config import ConfigError
from mmvae.objectives.family import OBJECTIVES
from mmvae.objectives.requirements import check, check_rows
from mmvae.training import checks
from support import vectors


def config(**changes):
    config = base.get_config()
    config.update_from_flattened_dict({n.replace("__", "."): v for n, v in changes.items()})
    return config.lock()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_name_alone_is_enough(name):
    checks.validate(config(objective__name=name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "mopo"}, "must be one of: elbo, .*; did you mean mopoe?"),
        ({"name": "mvtcae", "alpha": 1.5}, "alpha=1.5 must be from 0 to 1 for objective mvtcae."),
        ({"name": "mvae", "random_subsets": 1}, "random_subsets=1 needs three modalities"),
        (
            {"name": "cvae", "target": "imgae"},
            "target=imgae must be one of: .* did you mean image?",
        ),
        ({"gradient": "derg"}, "gradient=derg must be one of: dreg, iwae; did you mean dreg?"),
        ({"posterior": "laplace"}, "posterior=laplace is for objectives mmvae, .*, not elbo; type"),
        ({"draws": 0}, "config.objective.draws=0 must be at least 1."),
    ],
)
def test_what_cannot_be_used_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        checks.validate(config(**{f"objective__{field}": v for field, v in changes.items()}))


def test_a_fusion_of_another_objective_is_refused():
    with pytest.raises(ConfigError, match="mvae fuses by product; leave it at product"):
        check(config(objective__name="mvae", model__fusion="mixture"))


def test_seven_modalities_have_too_many_subsets():
    with pytest.raises(ConfigError, match="each of the 127 subsets of 7 modalities"):
        check(vectors.config("abcdefg", objective__name="mopoe"))


def test_incomplete_rows_are_for_objectives_that_take_them():
    check_rows(config(objective__name="jmvae"), 0, 10)
    check_rows(config(objective__name="mopoe"), 3, 10)
    with pytest.raises(ConfigError, match="3 of 10 training rows lack one; type --config"):
        check_rows(config(objective__name="telbo"), 3, 10)
