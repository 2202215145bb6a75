"""What to expect of a run by epoch, and beside it what a trivial answer scores."""

import math

import numpy as np
import pandas as pd

from mmvae.reporting.baselines import baselines
from mmvae.reporting.criteria.criterion import Criterion, Measure, Trivial
from mmvae.reporting.questions.overfitting import comparable_total, epochs
from mmvae.reporting.runs import Run, finite
from mmvae.runs.directory import CHECKPOINTS


def _fall(start: int, least: float) -> Measure:
    """Fall of the loss from the mean of epoch `start` to an epoch."""

    def measure(run: Run, last: int) -> tuple[bool | None, str]:
        loss = _train_by_epoch(run)
        first, end = loss[loss.index <= start + 1e-6], loss[loss.index <= last + 1e-6]
        if first.empty or end.empty or end.index[-1] <= first.index[-1]:
            return None, "no such epoch yet"
        fall = 1 - end.iloc[-1] / first.iloc[-1]
        text = (
            f"{first.iloc[-1]:.3g} to {end.iloc[-1]:.3g}: {-fall:+.0%} by epoch {end.index[-1]:g}"
        )
        return bool(fall >= least), text

    return measure


def _gap(run: Run, last: int) -> tuple[bool | None, str]:
    loss = _by_epoch(run, "loss_total")
    loss = loss[loss.index <= last + 1e-6]
    if loss.empty:
        return None, "not evaluated yet"
    train, val = loss["train"].iloc[-1], loss["val"].iloc[-1]
    gap = (val - train) / abs(train)
    return bool(gap <= 0.2), f"val {abs(gap):.1%} {'above' if gap > 0 else 'below'} train"


def _flat(least: float) -> Measure:
    """Whether the validation loss changes by less than a share over its last quarter."""

    def measure(run: Run, last: int) -> tuple[bool | None, str]:
        values = _until(run, "val/loss_total", last)
        if len(values) < 4:
            return None, f"{len(values)} evaluations"
        quarter = values.iloc[-max(2, len(values) // 4) - 1 :]
        change = (quarter.iloc[-1] - quarter.iloc[0]) / abs(quarter.iloc[0])
        return bool(abs(change) < least), f"{change:+.1%} over the last quarter"

    return measure


def _deviation_grows(run: Run, last: int) -> tuple[bool | None, str]:
    values, kl = _until(run, "train/latent_std", last), _until(run, "train/latent_kl", last)
    if len(values) < 2 or len(kl) < 2:
        return None, "not logged"
    text = (
        f"deviation {values.iloc[0]:.2f} to {values.iloc[-1]:.2f}, "
        f"KL {kl.iloc[0]:.3g} to {kl.iloc[-1]:.3g} nats"
    )
    return bool(kl.iloc[-1] > min(1.0, kl.iloc[0]) and values.iloc[-1] < 0.99), text


def _gradients_flow(run: Run, last: int) -> tuple[bool | None, str]:
    norms = _until(run, "train/grad_norm", last)
    if norms.empty:
        return None, "not logged"
    low, high = norms.min(), norms.max()
    return bool(low > 1e-6 and math.isfinite(high)), f"norm {low:.2g} to {high:.2g}"


def _best_saved(run: Run, last: int) -> tuple[bool | None, str]:
    if run.best_step is None:
        return None, "not evaluated yet"
    kept = (run.path / CHECKPOINTS / str(run.best_step)).exists()
    epoch = run.best_step / (run.steps_per_epoch or 1)
    return kept, f"epoch {epoch:.3g}, checkpoint {'kept' if kept else 'missing'}"


def _train_by_epoch(run: Run) -> pd.Series:
    """Mean training loss of each whole epoch, by its number."""
    loss, size = finite(comparable_total(run)), run.steps_per_epoch
    if loss.empty or not size:
        return loss
    means = loss.groupby(np.ceil(loss.index.astype(float) / size - 1e-6)).mean()
    return means[means.index <= run.epochs_done + 1e-6]


def _by_epoch(run: Run, metric: str) -> pd.DataFrame:
    frame = epochs(run, metric)
    frame.index = frame.index.astype(float) / (run.steps_per_epoch or 1)
    return frame


def _until(run: Run, name: str, epoch: int) -> pd.Series:
    values = finite(run.series(name))
    return values[values.index <= epoch * (run.steps_per_epoch or 1) + 1e-6]


def _of_loss(run: Run) -> tuple[str, str]:
    """What part of the caption loss piece frequencies alone take off."""
    known = baselines(run).get("loss_caption")
    size = run.card.get("vocabulary", {}).get("size")
    if not known or not size or known.value >= math.log(size) - 1e-6:
        return "0%", ""
    free = 1 - known.value / math.log(size)
    return (
        f"{free:.0%} of the caption loss",
        f"Piece frequencies alone take the caption loss from {math.log(size):.2f} to "
        f"{known.value:.2f} nats: much of an early fall says little.",
    )


def _nothing(note: str = "") -> Trivial:
    return lambda run: ("-", note)


_STD = (
    "latent_std is the mean deviation of the posteriors: it starts at 1 and falls as the latent "
    "fills. Judged by the KL."
)
_EASY_GAP = "An untrained model meets it too: read it beside the loss itself."
PACE = (
    Criterion(1, 5, False, "loss falls by 20-30% from epoch 1", _fall(1, 0.2), _of_loss),
    Criterion(1, 5, False, "the latent fills", _deviation_grows, _nothing(_STD)),
    Criterion(1, 5, False, "gradients flow", _gradients_flow, _nothing()),
    Criterion(6, 20, False, "another 30-40% from epoch 5", _fall(5, 0.3), _of_loss),
    Criterion(6, 20, False, "val within 20% of train", _gap, _nothing(_EASY_GAP)),
    Criterion(20, 20, True, "loss at half of epoch 1", _fall(1, 0.5), _of_loss),
    Criterion(20, 20, True, "val within 20% of train", _gap, _nothing(_EASY_GAP)),
    Criterion(50, 50, True, "the loss levels off (below 5%)", _flat(0.05), _nothing()),
    Criterion(51, 100, False, "convergence (below 2%)", _flat(0.02), _nothing()),
    Criterion(100, 100, True, "best checkpoint saved", _best_saved, _nothing()),
    Criterion(100, 100, True, "metrics stable (below 2%)", _flat(0.02), _nothing()),
)
