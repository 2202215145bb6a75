"""An evaluation as a file and as tables: numbers survive, units and baselines stand beside them."""

import json

import numpy as np
import pytest

from mmvae.errors import UserError
from mmvae.evaluation import outcome
from mmvae.evaluation.estimates import REPLICATES, Estimate, Resampling

RESAMPLING = Resampling(0)


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


def test_no_file_has_a_number_that_is_not_finite():
    perfect = RESAMPLING.mean(np.zeros(10), transform=lambda mse: 1 / mse)
    assert "Infinity" not in outcome.text(result({"x": perfect}), {"x": perfect})


def test_tables_show_value_interval_and_baselines():
    model = {"image_mse": RESAMPLING.mean([0.1, 0.2, 0.3]), "fid_x": Estimate(50.0, 3)}
    lines = "\n".join(outcome.table(result(model)))
    assert "mean image" in lines and "0.5000" in lines and "0.2000" in lines
    assert "[0." in lines and "something was left out" in lines


def test_tables_print_a_metric_as_its_family_says():
    names = ("image_psnr_from_image", "caption_exact_match", "memorisation_suspect", "no_metric")
    *_, psnr, match, suspect, unknown, _, _ = outcome.table(
        result({name: Estimate(0.25, 3) for name in names})
    )
    assert psnr.split()[1:] == ["0.25", "higher", "dB"]
    assert match.split()[1:] == ["25.0%", "higher"]
    assert suspect.split("25.0%")[1].strip() == "5 % is usual"
    assert unknown.split()[1:] == ["0.2500"]  # a file of an earlier version may have it


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
