"""Effects with their uncertainty, on invented results whose effects are known."""

import numpy as np
import pandas as pd
import pytest

from mmvae.reporting.comparing import importance
from support.invented import LOSS, invented


def noisy(effect, seeds=3, noise=0.1, levels=(1, 2, 3)):
    random = np.random.default_rng(1)
    rows = [
        {"a": a, "loss_total": effect * a + noise * random.normal()}
        for a in levels
        for _ in range(seeds)
    ]
    return invented(rows, ["a"])


def test_an_effect_beyond_the_seeds_matters():
    effect = importance.effects(noisy(1.0))[0]
    assert effect.verdict == importance.MATTERS and effect.best == 1
    assert effect.spread == pytest.approx(2.0, abs=0.3) and 0 < effect.needed < 1


def test_an_effect_within_the_seeds_does_not():
    assert importance.effects(noisy(0.0))[0].verdict == importance.NOISE


def test_chance_is_called_an_effect_in_one_of_twenty():
    random, found = np.random.default_rng(0), 0
    for _ in range(300):
        rows = [{"a": a, "loss_total": random.normal()} for a in (1, 2, 3) for _ in range(2)]
        found += importance.effects(invented(rows, ["a"]))[0].verdict == importance.MATTERS
    assert 4 <= found <= 28, "15 expected"


def test_without_repeated_seeds_nothing_is_claimed():
    compared = noisy(1.0, seeds=1)
    effects = importance.effects(compared)
    assert effects[0].verdict == importance.TOO_FEW
    assert any("another seed" in line for line in importance.conclusions(compared, effects))


def test_seed_noise_is_the_pooled_deviation():
    table = pd.DataFrame({"setting": ["a", "a", "b", "b"], "x": [1.0, 3.0, 10.0, 10.0]})
    assert importance.seed_noise(table, "x") == (pytest.approx(1.0), 2)


def test_rank_correlation_comes_with_an_interval():
    found = importance.correlations(noisy(1.0, levels=(1, 2, 3, 4)))[0]
    assert found.low > 0.8 and found.low <= found.value <= found.high
    assert importance.correlations(noisy(1.0, seeds=1)) == [], "3 runs are too few"


def test_a_forest_finds_the_field_that_matters():
    random = np.random.default_rng(0)
    rows = [{"a": random.uniform(), "b": random.uniform()} for _ in range(40)]
    for row in rows:
        row["loss_total"] = 3 * row["a"] + 0.1 * random.normal()
    r2, found = importance.forest(invented(rows, ["a", "b"]), LOSS)
    assert r2 > 0.5 and found[0].field == "a" and found[0].mean > 5 * abs(found[1].mean)
    assert importance.forest(invented(rows[:10], ["a", "b"]), LOSS) is None
