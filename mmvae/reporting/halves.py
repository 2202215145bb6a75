"""The halves of a run, pictures and captions: each at its own best epoch and in the kept one."""

import math
from typing import NamedTuple

from mmvae.reporting.runs import Run, finite


class Half(NamedTuple):
    """One half of validation.

    Attributes:
        name: in words.
        best_epoch: of its lowest error.
        kept_epoch: of the best checkpoint.
        worse: share by which its error is larger in the best checkpoint than at its own best.
        words: both errors in words.
    """

    name: str
    best_epoch: float
    kept_epoch: float
    worse: float
    words: str


_HALVES = {"pictures": "image_mse", "captions": "loss_caption"}


def halves(run: Run) -> list[Half]:
    """The halves that were evaluated at the best step; captions in perplexity, pictures in MSE."""
    each = (_half(run, name, metric) for name, metric in _HALVES.items())
    return [half for half in each if half is not None]


def _half(run, name, metric):
    errors = finite(run.series(f"val/{metric}"))
    if run.best_step not in errors.index or not run.steps_per_epoch:
        return None
    if name == "captions":
        errors = errors.map(lambda nats: math.exp(min(nats, 50.0)))
    lowest, kept = errors.min(), errors[run.best_step]
    worse = kept / max(lowest, 1e-12) - 1
    unit, form = ("perplexity", ".4g") if name == "captions" else ("MSE", ".4f")
    words = f"{unit} {lowest:{form}}"
    if errors.idxmin() != run.best_step:
        words += f" there, {kept:{form}} in the kept one: {worse:+.1%}"
    epochs = errors.idxmin() / run.steps_per_epoch, run.best_step / run.steps_per_epoch
    return Half(name, *epochs, worse, words)
