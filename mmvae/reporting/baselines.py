"""Trivial baselines of a run: what an answer without a model scores, the least a model must beat.

Taken from the run's facts; older runs have them from `mmvae.evaluate`, or as bounds from the
data card: one colour for every picture, and every piece of the vocabulary alike.
"""

import math
from typing import NamedTuple

from mmvae.reporting.runs import Run, number

# Metrics with a twin that is given the other modality alone: the same answer without a model.
_CROSSED = (("image_mse", "caption"), ("loss_caption", "image"), ("caption_accuracy", "image"))
_SCALE = 4.0  # squared: pixels of the card are in [0, 1], those of the metrics in [-1, 1]


class Baseline(NamedTuple):
    """`value` in the metric's unit, and in words what scores it."""

    value: float
    source: str


Baselines = dict[str, Baseline]  # by metric, without its group
_WORDS = {
    "mean image": "the mean of the training pictures, for every picture",
    "unigram": "the most frequent pieces, without a look",
}


def baselines(run: Run) -> Baselines:
    """The trivial baselines of every metric that has one."""
    measured = run.facts.get("baselines") or run.evaluation.get("baselines") or {}
    known = _of_card(run)
    for source, values in measured.items():
        if source in _WORDS:
            scores = {name: number(value) for name, value in values.items()}
            known |= {n: Baseline(x, _WORDS[source]) for n, x in scores.items() if x is not None}
    crossed = {f"{name}_from_{other}": known[name] for name, other in _CROSSED if name in known}
    return known | crossed | _of_alignment(run)


def _of_card(run: Run) -> Baselines:
    known = {}
    deviations = run.card.get("image", {}).get("std")
    if deviations:
        mse = _SCALE * sum(d * d for d in deviations) / len(deviations)
        known["image_mse"] = Baseline(mse, "one colour for every picture")
    size = run.card.get("vocabulary", {}).get("size")
    if size:
        words = "every piece of the vocabulary alike"
        known["loss_caption"] = Baseline(math.log(size), words)
        known["caption_accuracy"] = Baseline(1 / size, words)
    return known


def _of_alignment(run: Run) -> Baselines:
    """Alignment without any information: the best constant answer."""
    kind, batch = run.config.get("loss.alignment"), run.config.get("eval.batch_size")
    if kind == "cosine":
        return {"loss_alignment": Baseline(1.0, "vectors at right angles")}
    if kind == "siglip" and batch and batch > 1:
        # One match among `batch` in a row: ln N + (N - 1) ln(N / (N - 1)).
        chance = math.log(batch) + (batch - 1) * math.log(batch / (batch - 1))
        return {"loss_alignment": Baseline(chance, f"one match among {batch}, at random")}
    return {}
