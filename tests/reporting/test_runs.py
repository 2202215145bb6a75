"""Runs as their directories tell them, on logs whose numbers are known."""

import json
import math

import pytest

from mmvae.errors import UserError
from mmvae.reporting import runs
from mmvae.reporting.runs import NoMetrics, flat, load, number

CONFIG = {
    "train": {"epochs": 4},
    "loss": {"weights": {"image": 10.0, "kl": 0.1}},
    "model": {"widths": [8, 16]},
}


def row(step, **values):
    named = {name.replace("__", "/"): value for name, value in values.items()}
    return {"step": step, "epoch": step / 10, "time": 100.0 + step} | named


@pytest.fixture
def write(tmp_path):
    """Writes a run of some rows, and reads it."""

    def written(*rows, **files):
        (tmp_path / "config.json").write_text(json.dumps(CONFIG))
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        lines = [json.dumps(row) + "\n" for row in rows]
        (tmp_path / "metrics.jsonl").write_text("".join(lines))
        return load(tmp_path)

    return written


def test_the_latent_has_the_size_that_the_model_had(write):
    assert write(row(1)).latent_dim is None
    config = {"model": {"latent": {"dim": 8}}}
    assert write(row(1), config=config).latent_dim == 8
    assert write(row(1), config=config, facts={"latent_dim": 24}).latent_dim == 24


def test_the_configuration_is_flat(write):
    run = write(row(1))
    assert run.config == {
        "train.epochs": 4,
        "loss.weights.image": 10.0,
        "loss.weights.kl": 0.1,
        "model.widths": (8, 16),
    }
    assert run.loss_weights == {"image": 10.0, "kl": 0.1}
    assert flat({"a": {"b": {"c": 1}}, "d": []}) == {"a.b.c": 1, "d": ()}


def test_steps_and_epochs_follow_from_the_rows(write):
    run = write(row(5), row(20, val__loss_total=1.0))
    assert (run.steps_per_epoch, run.total_steps, run.last_step) == (10, 40, 20)
    assert run.epochs_done == 2 and not run.finished
    assert write(row(40, val__loss_total=1.0)).finished
    assert not write(row(40, train__loss_total=1.0)).finished, "the last epoch is not evaluated"


def test_a_row_without_an_epoch_tells_no_length(write):
    run = write({"step": 3, "time": 0.0, "train/loss_total": 1.0})
    assert run.steps_per_epoch is None and run.total_steps is None and run.epochs_done == 0


def test_series_leave_out_what_was_not_logged_and_keep_what_came_last(write):
    run = write(row(1, train__loss_total=3.0), row(2), row(1, train__loss_total=2.0))
    assert run.series("train/loss_total").to_dict() == {1: 2.0}
    assert run.series("train/loss_image").empty and run.last("train/loss_image") is None
    assert run.names("train") == ["loss_total"] and run.names("val") == []


def test_the_best_step_has_the_least_finite_loss(write):
    losses = {10: 2.0, 20: 1.0, 30: "NaN", 40: "-Infinity"}
    run = write(*(row(step, val__loss_total=loss) for step, loss in losses.items()))
    assert run.best_step == 20 and run.last("val/loss_total") == 1.0
    assert write(row(1)).best_step is None


def test_divergence_is_the_first_row_that_is_not_finite(write):
    healthy = row(1, train__loss_total=1.0, train__grad_norm=1.0, val__image_psnr="Infinity")
    assert write(healthy).diverged is None, "a perfect picture is no divergence"
    run = write(healthy, row(7, train__grad_norm="Infinity"), row(9, train__loss_total="NaN"))
    assert run.diverged == (7, ("train/grad_norm",))


def test_time_leaves_interruptions_out(write):
    rows = [row(1), row(11), row(21) | {"time": 1e6}, row(31) | {"time": 1e6 + 5}]
    assert write(*rows).seconds == 15


def test_an_evaluation_goes_before_what_training_logged(write):
    rows = row(1, val__coherence_joint=0.2, val__image_mse=0.1)
    scores = {"coherence_joint": {"value": 0.9, "low": 0.8, "high": 1.0}, "image_mse": None}
    run = write(rows, evaluation={"model": scores})
    assert run.measured("coherence_joint") == 0.9
    assert run.measured("image_mse") == 0.1 and run.measured("image_ssim") is None


@pytest.mark.parametrize(
    "score, value",
    [
        (1, 1.0),
        ({"value": 0.5, "low": 0.1}, 0.5),
        ({"value": None}, None),
        ("x", None),
        (None, None),
    ],
)
def test_scores_are_numbers_with_or_without_an_interval(score, value):
    assert number(score) == value


def test_finite_values(write):
    values = write(row(1, train__x="NaN"), row(2, train__x=2.0)).series("train/x")
    assert runs.finite(values).to_dict() == {2: 2.0}
    assert all(math.isfinite(x) for x in runs.finite(values))


def test_what_is_no_run_is_named(tmp_path, write):
    with pytest.raises(UserError, match="does not exist; give the directory of a run"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no config\.json"):
        load(tmp_path)
    with pytest.raises(NoMetrics, match="wait for the first row"):
        write()
    (tmp_path / "facts.json").write_text("[1]")
    with pytest.raises(UserError, match=r"facts\.json is damaged \(no JSON object\)"):
        write(row(1))
