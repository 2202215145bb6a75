"""The questions, asked of real short runs that were driven into each condition."""

import json

import pytest

from mmvae.reporting import questions, runs
from mmvae.reporting.baselines import baselines
from mmvae.reporting.halves import halves
from mmvae.reporting.questions import (
    accelerator,
    components,
    latent,
    learning_rate,
    overfitting,
    stability,
    vocabulary,
)
from mmvae.reporting.verdict import GOOD, LOOK, WRONG
from support.driven_runs import CONDITIONS
from support.run_files import copy

EPOCHS = CONDITIONS["few"]["train__epochs"]


def ask(driven, name, question):
    return question.answer(runs.load(driven / name))


def figure(verdict, start):
    return next(f for f in verdict.figures if f.label.startswith(start))


@pytest.mark.parametrize("question", [learning_rate, overfitting, vocabulary, latent, stability])
def test_a_healthy_run_is_good(driven, question):
    verdict = ask(driven, "healthy", question)
    assert verdict.level == GOOD, verdict


def test_a_rate_100_times_too_high_is_wrong_and_to_be_lowered(driven):
    verdict = ask(driven, "high", learning_rate)
    assert verdict.level == WRONG and "too high" in verdict.answer
    assert any("Lower it" in advice for advice in verdict.advice)


def test_a_rate_100_times_too_low_is_wrong_and_to_be_raised(driven):
    verdict = ask(driven, "low", learning_rate)
    assert verdict.level == WRONG and "too low" in verdict.answer
    assert any("Raise it" in advice for advice in verdict.advice)
    assert figure(verdict, "best component").level == WRONG


def test_20_pairs_overfit(driven):
    verdict = ask(driven, "few", overfitting)
    assert verdict.level in (LOOK, WRONG) and not verdict.answer.startswith("No")
    # Captions, of which there are hundreds, are learnt by heart on every machine.
    assert figure(verdict, "its growth over the second half, caption loss").level == LOOK
    assert figure(verdict, "where validation turned, caption loss").level == LOOK
    assert "the captions" in verdict.answer
    captions = halves(runs.load(driven / "few"))[1]
    assert captions.best_epoch < EPOCHS, "their validation turned before the end"


def test_a_starved_pipeline_is_the_limit(driven):
    verdict = ask(driven, "starved", accelerator)
    assert verdict.level == WRONG
    assert figure(verdict, "share of time waiting").level == WRONG
    assert "pipeline is the limit" in verdict.advice[0]


def test_a_vocabulary_of_120_is_too_small_for_english(driven):
    verdict = ask(driven, "vocabulary", vocabulary)
    assert verdict.level in (LOOK, WRONG) and "120 pieces fits poorly" in verdict.answer
    assert figure(verdict, "size").level == LOOK
    assert any("--vocab-size" in advice for advice in verdict.advice)


def test_a_collapsed_latent_is_named(driven):
    verdict = ask(driven, "collapsed", latent)
    assert verdict.level == WRONG and "collapsed" in verdict.answer
    assert {f.level for f in verdict.figures} == {WRONG}


def test_divergence_is_told_with_its_step(driven, tmp_path):
    """As training logs it (tests/test_train.py): a last row of what was not finite."""
    copy(driven / "high", tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 999, "time": 0.0, "train/loss_image": "NaN"}) + "\n")
    run = runs.load(tmp_path)
    assert run.diverged == (999, ("train/loss_image",))
    assert stability.answer(run).level == WRONG
    assert "diverged at step 999" in stability.answer(run).answer
    assert "too high" in learning_rate.answer(run).answer


def test_a_clip_far_below_the_gradient_is_named_with_one_that_fits(driven, tmp_path):
    copy(driven / "healthy", tmp_path)
    log = tmp_path / "metrics.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    longer = lambda row: {n: 9.0 if n == "train/grad_norm" else v for n, v in row.items()}
    log.write_text("".join(json.dumps(longer(row)) + "\n" for row in rows))
    verdict = learning_rate.answer(runs.load(tmp_path))
    assert "nearly every step is clipped: the median gradient is 9.0 times" in verdict.answer
    assert "--config.optimizer.clip_norm=18.0" in verdict.advice[0]
    assert figure(verdict, "share of clipped steps").level == verdict.level == LOOK
    usual = learning_rate.answer(runs.load(driven / "healthy"))
    assert usual.level == GOOD and "clipped" not in usual.answer


def test_components_are_between_trivial_and_perfect(driven):
    run = runs.load(driven / "healthy")
    assert all(share < 1 for share in components.shares(run))
    known = baselines(run)
    assert known["loss_alignment"].value == pytest.approx(3.74, abs=0.01), "16 pairs at random"
    assert known["caption_accuracy"].value < run.last("val/caption_accuracy")
    assert "%" in figure(components.answer(run), "shares of the weighted loss").value


def test_drawings_are_judged_with_the_fitted_samplers_where_they_were(driven, tmp_path):
    copy(driven / "healthy", tmp_path)
    name = "picture of a caption, all of it right"
    logged = {"step": 9_999, "time": 0.0, "val/coherence_caption_to_image": 0.25}
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(logged) + "\n")
    assert figure(components.answer(runs.load(tmp_path)), name).value == "25%"
    found = {"model": {"coherence_caption_to_image": {"value": 0.955, "low": 0.93, "high": 0.97}}}
    (tmp_path / "evaluation.json").write_text(json.dumps(found))
    assert figure(components.answer(runs.load(tmp_path)), name).value == "96%"


def test_mfu_is_flops_over_time_over_peak(driven):
    run = runs.load(driven / "healthy")
    share = accelerator.mfu(run)
    shares = 100 * run.facts["step_flops"] / run.series("system/step_seconds")
    assert share == pytest.approx((shares / run.facts["peak_flops"]).median())
    assert 0 < share < 100


def test_gaps_compare_training_as_validation_counts_it(driven):
    run = runs.load(driven / "healthy")
    pair = overfitting.epochs(run, "loss_total")
    weights = {n: run.config[f"loss.weights.{n}"] for n in ("image", "caption", "kl")}
    parts = {n: overfitting.epochs(run, f"loss_{n}")["train"].iloc[-1] for n in weights}
    assert pair["train"].iloc[-1] > sum(weights[n] * part for n, part in parts.items())
    assert len(pair) == len(run.series("val/loss_total"))


def test_every_condition_gets_every_answer(driven):
    for name in ("healthy", "high", "low", "collapsed", "starved", "few", "vocabulary"):
        verdicts = questions.every(runs.load(driven / name))
        assert len(verdicts) == 7 and all(v.answer.endswith(".") for v in verdicts), name
