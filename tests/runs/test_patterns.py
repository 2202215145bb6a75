"""Parameters chosen by name."""

import pytest

from mmvae.errors import UserError
from mmvae.runs import patterns

PARAMS = {"encoders_image": {"embed": {"kernel": 0, "bias": 0}}, "prior": {"kernel": 0}, "scale": 0}


def chosen(*given):
    found = patterns.chosen(given, PARAMS, "train.freeze")
    return {
        patterns.name(path)
        for path, leaf in patterns.jax.tree_util.tree_leaves_with_path(found)
        if leaf
    }


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((), set()),
        (("*/bias",), {"encoders_image/embed/bias"}),
        (("*", "!encoders_*"), {"prior/kernel", "scale"}),
        (("!prior/*", "*kernel"), {"encoders_image/embed/kernel", "prior/kernel"}),
    ],
)
def test_the_last_pattern_that_fits_decides(given, names):
    assert chosen(*given) == names


def test_multipliers_are_one_unless_a_rule_fits():
    rules = ("*kernel=0.1", "prior/*=2")
    found = patterns.multipliers(rules, PARAMS, "optimizer.multipliers")
    assert found == {
        "encoders_image": {"embed": {"kernel": 0.1, "bias": 1.0}},
        "prior": {"kernel": 2.0},
        "scale": 1.0,
    }


def test_a_pattern_that_fits_nothing_is_an_error_that_names_a_near_one():
    with pytest.raises(UserError, match=r"config.train.freeze: .*encodr_image/\*; did you mean"):
        chosen("encodr_image/*")


@pytest.mark.parametrize("rule", ["*", "*=", "*=-1", "=2", "*=nan", "*=inf"])
def test_a_malformed_multiplier_is_an_error(rule):
    with pytest.raises(UserError, match="must be like"):
        patterns.multipliers((rule,), PARAMS, "optimizer.multipliers")
