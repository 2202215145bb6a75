"""Bootstrap intervals against theory and SciPy; differences; the JSON they are kept in."""

import json

import numpy as np
import pytest
from scipy import stats

from mmvae.errors import UserError
from mmvae.evaluation import outcome
from mmvae.evaluation.estimates import REPLICATES, Estimate, Resampling, difference

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
    assert "Infinity" not in outcome.text(result({"x": perfect}), {"x": perfect})


def result(model):
    return {
        "run": "a",
        "checkpoint": "best",
        "split": "val",
        "pairs": 3,
        "split_pairs": 9,
        "model": {name: estimate.record() for name, estimate in model.items()},
        "families": {"reconstruction": list(model)},
        "baselines": {"mean image": {"image_mse": RESAMPLING.mean([0.4, 0.5, 0.6]).record()}},
        "notes": ["something was left out"],
    }


def test_an_evaluation_survives_its_file(tmp_path):
    model = {"image_mse": RESAMPLING.mean([0.1, 0.2, 0.3]), "fid_x": Estimate(50.0, 3)}
    path = tmp_path / "a.json"
    path.write_text(outcome.text(result(model), model))
    again, estimates = outcome.read(path)
    assert again["model"]["image_mse"]["low"] == model["image_mse"].interval[0]
    apart = outcome.differences(model, estimates)
    np.testing.assert_allclose(apart["image_mse"].interval, 0, atol=1e-6)
    assert len(apart["image_mse"].replicates) == REPLICATES
    assert apart["fid_x"].replicates is None
    assert json.loads(path.read_text())["model"]["image_mse"]["count"] == 3


def test_tables_show_value_interval_and_baselines():
    model = {"image_mse": RESAMPLING.mean([0.1, 0.2, 0.3]), "fid_x": Estimate(50.0, 3)}
    lines = "\n".join(outcome.table(result(model)))
    assert "mean image" in lines and "0.5000" in lines and "0.2000" in lines
    assert "[0." in lines and "something was left out" in lines


def test_comparisons_are_one_table_with_stars():
    model = {"image_mse": RESAMPLING.mean([0.1, 0.2, 0.3]), "fid_x": Estimate(50.0, 3)}
    ours, theirs = result(model), result(model) | {"run": "b"}
    clear = {"image_mse": Estimate(-0.1, 3, np.full(REPLICATES, -0.1)).record()}
    unclear = {"image_mse": Estimate(0.1, 3, np.linspace(-1, 1, REPLICATES)).record()}
    lines = list(outcome.comparison(ours, [(theirs, clear), (theirs, unclear)]))
    assert "(2) b" in "\n".join(lines)
    assert len(lines) == 6  # FID is in neither
    assert lines[-1].count("*") == 1 and "-0.1000" in lines[-1]


def test_a_file_that_is_no_evaluation_is_named(tmp_path):
    path = tmp_path / "b.json"
    for text in ("", "[]", '{"model": {}}'):
        path.write_text(text)
        with pytest.raises(UserError, match="b.json is neither a run nor an evaluation"):
            outcome.read(path)
