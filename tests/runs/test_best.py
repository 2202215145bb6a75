"""Which checkpoint is the best, and what is kept by it."""

import json

import numpy as np
import pytest

from mmvae.runs import best
from mmvae.runs.checkpoints import Checkpoints

TRIVIAL = {"image_mse": 0.2, "loss_caption": 6.5}


def test_halves_count_by_their_share_of_what_is_trivial():
    values = {"loss_total": 9.0, "image_mse": 0.1, "loss_caption": 3.25}
    assert best.score("baselines", values, TRIVIAL) == pytest.approx(1.0)
    assert best.score("loss_total", values, TRIVIAL) == 9.0
    # Units and weights have no say: other units of a metric and of its baseline alike.
    scaled = values | {"image_mse": 100.0}
    assert best.score("baselines", scaled, TRIVIAL | {"image_mse": 200.0}) == pytest.approx(1.0)


def test_a_half_that_is_not_there_is_left_out():
    values = {"loss_total": 9.0, "image_mse": 0.1}
    assert best.score("baselines", values, TRIVIAL) == pytest.approx(0.5)
    assert best.score("baselines", values, {}) == 9.0
    assert best.score("baselines", {"loss_total": 9.0}, TRIVIAL) == 9.0


def test_the_lowest_score_is_kept_whatever_its_loss(tmp_path):
    with Checkpoints(tmp_path, keep_latest=1) as checkpoints:
        for step, (loss, score) in enumerate([(3.0, 1.1), (2.0, 0.9), (1.0, 1.0), (0.5, np.nan)]):
            checkpoints.save(step, {"w": np.ones(2)}, {}, loss, score)
            checkpoints.wait()
        assert checkpoints.all_steps() == [1, 3]
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        found = checkpoints.best_step(), checkpoints.best_score(), checkpoints.best_val_loss()
        assert found == (1, 0.9, 2.0)


def test_checkpoints_without_a_score_are_chosen_by_their_loss(tmp_path):
    """As earlier versions left them; their runs go on by that rule."""
    with Checkpoints(tmp_path) as checkpoints:
        for step, loss in enumerate([2.0, 3.0]):
            checkpoints.save(step, {"w": np.ones(2)}, {}, loss)
    for metrics in tmp_path.glob("*/metrics/metrics"):
        stored = json.loads(metrics.read_text())
        del stored["score"]
        metrics.write_text(json.dumps(stored))
    with Checkpoints(tmp_path) as checkpoints:
        assert (checkpoints.best_step(), checkpoints.best_score()) == (0, 2.0)
        checkpoints.save(2, {"w": np.ones(2)}, {}, 1.0)
        assert checkpoints.best_step() == 2
