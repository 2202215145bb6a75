"""Halves that are best at different epochs, on numbers that are known."""

import pytest

from mmvae.reporting import runs
from mmvae.reporting.halves import halves
from mmvae.reporting.questions import overfitting
from mmvae.reporting.verdict import GOOD, LOOK, WRONG
from support.run_files import write

# The captions of real engravings turn, the pictures do not.
ENGRAVINGS = [(13.7, 0.1437, 7.24), (10.2, 0.08, 5.50), (9.2, 0.065, 5.57), (8.9, 0.058, 6.20)]


def evaluations(rows=ENGRAVINGS):
    names = ("loss_total", "image_mse", "loss_caption")
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_the_best_step_is_by_the_rule_of_the_run(tmp_path):
    run = runs.load(write(tmp_path, evaluations()))
    assert run.best_step == 30, "shares: 1.83, 1.246, 1.182, 1.244"
    run = runs.load(write(tmp_path, evaluations(), best_by="loss_total"))
    assert run.best_step == 40


def test_each_half_tells_its_own_best_epoch_and_what_the_kept_one_costs(tmp_path):
    pictures, captions = halves(runs.load(write(tmp_path, evaluations())))
    assert (pictures.best_epoch, captions.best_epoch) == (4, 2)
    assert pictures.kept_epoch == captions.kept_epoch == 3
    assert pictures.worse == pytest.approx(0.065 / 0.058 - 1)
    assert captions.worse == pytest.approx(2.718281828**0.07 - 1), "in perplexity"
    assert captions.words == "perplexity 244.7 there, 262.4 in the kept one: +7.3%"


def test_a_half_that_was_not_evaluated_is_left_out(tmp_path):
    rows = [{"loss_total": 1.0, "image_mse": 0.1}]
    assert [half.name for half in halves(runs.load(write(tmp_path, rows)))] == ["pictures"]


def test_the_verdict_names_the_half_that_overfits(tmp_path):
    seen = [
        {"loss_caption": loss, "image_mse": mse, "loss_total": 5.0}
        for loss, mse in [(7.2, 0.14), (5.4, 0.08), (4.5, 0.065), (3.0, 0.057)]
    ]
    verdict = overfitting.answer(runs.load(write(tmp_path, evaluations(), train=seen)))
    assert verdict.level == WRONG
    start = "Yes, the captions: gap of the caption loss, nats per token +3.200 (train 3, val 6.2)"
    assert verdict.answer.startswith(start)
    assert "The pictures do not: gap of the image MSE, relative +2%" in verdict.answer
    assert "Kept is epoch 3: the pictures are best at epoch 4" in verdict.answer
    advice = " ".join(verdict.advice)
    assert "caption.dropout" in advice and "image.dropout" not in advice


def test_pictures_alone_can_overfit(tmp_path):
    rows = [(3.0, 0.10, 5.0), (2.9, 0.09, 4.0), (3.0, 0.12, 3.5), (3.1, 0.16, 3.2)]
    val = evaluations(rows)
    seen = [row | {"image_mse": 0.09 - 0.02 * i} for i, row in enumerate(val)]
    verdict = overfitting.answer(runs.load(write(tmp_path, val, train=seen)))
    assert verdict.answer.startswith("Yes, the pictures: gap of the image MSE, relative +433%")
    assert "The captions do not: gap of the caption loss" in verdict.answer


def test_halves_that_agree_are_no_matter(tmp_path):
    rows = [(9.0, 0.1, 6.0), (8.0, 0.09, 5.0), (7.0, 0.08, 4.0)]
    verdict = overfitting.answer(runs.load(write(tmp_path, evaluations(rows))))
    assert (verdict.level, verdict.answer) == (GOOD, "No: validation follows training.")


def test_a_checkpoint_that_costs_a_half_is_to_be_looked_at(tmp_path):
    rows = [(9.0, 0.1, 6.0), (8.0, 0.05, 6.5), (9.0, 0.1, 6.5)]
    verdict = overfitting.answer(runs.load(write(tmp_path, evaluations(rows))))
    assert verdict.level == LOOK and "+64.9%" in verdict.answer
    # Captions turned first: a later checkpoint was better for pictures.
    assert "caption.dropout" in verdict.advice[0] and "--checkpoint latest" in verdict.advice[1]
