"""What to expect by epoch, as a checklist; beside each criterion what a trivial answer scores."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmvae.reporting.baselines import baselines
from mmvae.reporting.questions.overfitting import comparable_total, epochs
from mmvae.reporting.runs import finite
from mmvae.runs.directory import CHECKPOINTS

MET, MISSED, WAITING, NOT_KNOWN = "met", "missed", "not yet", "not logged"
NOT_REACHED = "not reached"  # by a run that ended before


@dataclass(frozen=True)
class Check:
    """One line of the checklist: a criterion, how the run stands, and what the line is worth."""

    when: str
    criterion: str
    status: str
    value: str
    trivial: str
    note: str = ""


class _Criterion(NamedTuple):
    """Epochs it belongs to, its words, and measure(run, last epoch) -> (met or None, text).

    `trivial(run)` -> (text, note); the note says when the criterion tells nothing.
    """

    first: int
    last: int
    after: bool
    words: str
    measure: object
    trivial: object


def checklist(run):
    """Checks of a Run in the order of training."""
    return [_check(run, criterion) for criterion in _CRITERIA]


def _check(run, criterion):
    met, value = criterion.measure(run, criterion.last)
    past = run.epochs_done >= criterion.last - 1e-6
    begun = run.epochs_done >= criterion.first
    if met is None:
        status = NOT_KNOWN if past else WAITING
    elif criterion.after and not past:
        status = WAITING
    elif met:
        # A comparison of two epochs needs both; a level that is reached stays reached.
        status = MET if begun or not criterion.after else WAITING
    else:
        status = MISSED if past else WAITING
    if status == WAITING and run.finished:
        status = NOT_REACHED
    when = (
        f"after {criterion.last} epochs"
        if criterion.after
        else f"epochs {criterion.first}-{criterion.last}"
    )
    return Check(when, criterion.words, status, value, *criterion.trivial(run))


def _fall(start, least):
    """Fall of the loss from the mean of epoch `start` to an epoch."""

    def measure(run, last):
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


def _level(metric, sign, threshold, form):
    """Whether a validation metric went beyond a threshold: sign +1 above, -1 below."""

    def measure(run, last):
        values = _until(run, f"val/{metric}", last)
        if values.empty:
            return None, "not evaluated yet"
        best = values.max() if sign > 0 else values.min()
        epoch = (values.idxmax() if sign > 0 else values.idxmin()) / run.steps_per_epoch
        return bool(sign * (best - threshold) > 0), f"{best:{form}} at epoch {epoch:.3g}"

    return measure


def _gap(run, last):
    loss = _by_epoch(run, "loss_total")
    loss = loss[loss.index <= last + 1e-6]
    if loss.empty:
        return None, "not evaluated yet"
    train, val = loss["train"].iloc[-1], loss["val"].iloc[-1]
    gap = (val - train) / abs(train)
    return bool(gap <= 0.2), f"val {abs(gap):.1%} {'above' if gap > 0 else 'below'} train"


def _flat(least):
    def measure(run, last):
        values = _until(run, "val/loss_total", last)
        if len(values) < 4:
            return None, f"{len(values)} evaluations"
        quarter = values.iloc[-max(2, len(values) // 4) - 1 :]
        change = (quarter.iloc[-1] - quarter.iloc[0]) / abs(quarter.iloc[0])
        return bool(abs(change) < least), f"{change:+.1%} over the last quarter"

    return measure


def _deviation_grows(run, last):
    values, kl = _until(run, "train/latent_std", last), _until(run, "train/latent_kl", last)
    if len(values) < 2 or len(kl) < 2:
        return None, "not logged"
    text = (
        f"deviation {values.iloc[0]:.2f} to {values.iloc[-1]:.2f}, "
        f"KL {kl.iloc[0]:.3g} to {kl.iloc[-1]:.3g} nats"
    )
    return bool(kl.iloc[-1] > min(1.0, kl.iloc[0]) and values.iloc[-1] < 0.99), text


def _gradients_flow(run, last):
    norms = _until(run, "train/grad_norm", last)
    if norms.empty:
        return None, "not logged"
    low, high = norms.min(), norms.max()
    return bool(low > 1e-6 and math.isfinite(high)), f"norm {low:.2g} to {high:.2g}"


def _best_saved(run, last):
    if run.best_step is None:
        return None, "not evaluated yet"
    kept = (run.path / CHECKPOINTS / str(run.best_step)).exists()
    epoch = run.best_step / (run.steps_per_epoch or 1)
    return kept, f"epoch {epoch:.3g}, checkpoint {'kept' if kept else 'missing'}"


def _train_by_epoch(run):
    """Mean training loss of each whole epoch, by its number."""
    loss, size = finite(comparable_total(run)), run.steps_per_epoch
    if loss.empty or not size:
        return loss
    means = loss.groupby(np.ceil(loss.index.astype(float) / size - 1e-6)).mean()
    return means[means.index <= run.epochs_done + 1e-6]


def _by_epoch(run, metric):
    frame = epochs(run, metric)
    frame.index = frame.index.astype(float) / (run.steps_per_epoch or 1)
    return frame


def _until(run, name, epoch):
    values = finite(run.series(name))
    return values[values.index <= epoch * (run.steps_per_epoch or 1) + 1e-6]


def _of_loss(run):
    """What part of the caption loss piece frequencies alone take off."""
    known = baselines(run).get("loss_caption")
    size = run.card.get("vocabulary", {}).get("size")
    if not known or not size or known.value >= math.log(size) - 1e-6:
        return "0 %", ""
    free = 1 - known.value / math.log(size)
    return (
        f"{free:.0%} of the caption loss",
        f"Piece frequencies alone take the caption loss from {math.log(size):.2f} to "
        f"{known.value:.2f} nats: much of an early fall says little.",
    )


def _of(metric, sign, threshold, form):
    def trivial(run):
        known = baselines(run).get(metric)
        if known is None:
            return "not known", ""
        decibels = f" ({10 * math.log10(4 / known.value):.1f} dB)" if metric == "image_mse" else ""
        text = f"{known.value:{form}}{decibels}: {known.source}"
        if sign * (known.value - threshold) > 0:
            return text, "Not informative here: the trivial answer meets it."
        if metric == "image_mse":
            return (
                text,
                f"{threshold} on pixels in [-1, 1] is {10 * math.log10(4 / threshold):.0f} dB.",
            )
        return text, "Teacher-forced: each piece is guessed from the true ones before it."

    return trivial


def _nothing(note=""):
    return lambda run: ("-", note)


def _reaches(first, last, final, text, name, sign, limit, form):
    """A criterion that a metric passes a limit, with its trivial baseline beside it."""
    measures = _level(name, sign, limit, form), _of(name, sign, limit, form)
    return _Criterion(first, last, final, text, *measures)


_STD = (
    "latent_std is the mean deviation of the posteriors: it starts at 1 and falls as the latent "
    "fills. Judged by the KL."
)
_EASY_GAP = "An untrained model meets it too: read it beside the loss itself."
_CRITERIA = (
    _Criterion(1, 5, False, "loss falls by 20-30 % from epoch 1", _fall(1, 0.2), _of_loss),
    _Criterion(1, 5, False, "the latent fills", _deviation_grows, _nothing(_STD)),
    _Criterion(1, 5, False, "gradients flow", _gradients_flow, _nothing()),
    _Criterion(6, 20, False, "another 30-40 % from epoch 5", _fall(5, 0.3), _of_loss),
    _Criterion(6, 20, False, "val within 20 % of train", _gap, _nothing(_EASY_GAP)),
    _Criterion(20, 20, True, "loss at half of epoch 1", _fall(1, 0.5), _of_loss),
    _Criterion(20, 20, True, "val within 20 % of train", _gap, _nothing(_EASY_GAP)),
    _reaches(21, 50, False, "caption accuracy over 70 %", "caption_accuracy", 1, 0.70, ".1%"),
    _reaches(21, 50, False, "image MSE under 0.3", "image_mse", -1, 0.3, ".4f"),
    _reaches(50, 50, True, "caption accuracy over 75 %", "caption_accuracy", 1, 0.75, ".1%"),
    _reaches(50, 50, True, "image MSE under 0.25", "image_mse", -1, 0.25, ".4f"),
    _Criterion(50, 50, True, "the loss levels off (below 5 %)", _flat(0.05), _nothing()),
    _Criterion(51, 100, False, "convergence (below 2 %)", _flat(0.02), _nothing()),
    _Criterion(100, 100, True, "best val loss saved", _best_saved, _nothing()),
    _Criterion(100, 100, True, "metrics stable (below 2 %)", _flat(0.02), _nothing()),
)
