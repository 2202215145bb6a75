"""Bootstrap intervals against theory and SciPy; differences."""

import numpy as np
import pytest
from scipy import stats

from mmvae.evaluation.estimates import Estimate, Resampling, difference

RESAMPLING = Resampling(0)


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = RESAMPLING.mean(values)
    assert found.value == pytest.approx(values.mean())
    assert found.count == 400
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose(found.interval, (found.value - half, found.value + half), atol=0.05)


def test_intervals_are_scipys():
    values = np.random.default_rng(1).exponential(size=200)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", rng=0
    ).confidence_interval
    np.testing.assert_allclose(RESAMPLING.mean(values).interval, theirs, atol=0.03)


def test_intervals_hold_the_truth_as_often_as_they_say():
    draws = np.random.default_rng(2).exponential(size=(300, 100))
    intervals = np.array([Resampling(i).mean(row).interval for i, row in enumerate(draws)])
    held = np.mean((intervals[:, 0] < 1) & (intervals[:, 1] > 1))
    assert 0.88 < held < 0.98


def test_a_mean_of_sums_weighs_by_counts():
    found = RESAMPLING.mean([2.0, 30.0], [1, 3], transform=np.sqrt)
    assert found.value == pytest.approx(np.sqrt(8))
    assert set(np.round(found.replicates, 6)) <= {1.414214, 2.828427, 3.162278}


def test_a_statistic_counts_how_often_items_are_taken():
    values = np.array([1.0, 2.0, 9.0])
    found = RESAMPLING.statistic(lambda times: np.median(np.repeat(values, times)), 3)
    assert found.value == 2
    assert set(found.replicates) == {1.0, 2.0, 9.0}


def test_differences_of_the_same_items_are_paired():
    items = np.random.default_rng(3).normal(size=300)
    a, b = RESAMPLING.mean(items + 0.1), RESAMPLING.mean(items)
    np.testing.assert_allclose(difference(a, b).interval, (0.1, 0.1), atol=1e-9)
    other = Resampling(1).mean(items)
    low, high = difference(a, other).interval
    assert low < 0 < high


def test_what_must_not_be_resampled_has_no_interval():
    one = Estimate(0.5, 10)
    assert one.interval == (None, None)
    assert difference(one, RESAMPLING.mean(np.ones(10))).interval == (None, None)
    perfect = RESAMPLING.mean(np.zeros(10), transform=lambda mse: 1 / mse)
    assert set(perfect.record().values()) == {None, 10}
