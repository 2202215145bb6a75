"""What a run reaches against baselines on the same split, and whether that beats them."""

from typing import NamedTuple

from mmvae.reporting.baselines import baselines
from mmvae.reporting.runs import Run, finite, number

MISSING = "not measured: python -m mmvae.evaluate --workdir RUN --out RUN/evaluation.json"
RETRIEVAL = {
    "picture to caption": "retrieval_image_to_caption_at_10",
    "caption to picture": "retrieval_caption_to_image_at_10",
}


class Standing(NamedTuple):
    """A number of the model beside that of a baseline, measured on the same pairs.

    Attributes:
        words: of what, where there are several; else "".
        value: the model's.
        baseline: the baseline's.
        beaten: whether the model is better.
    """

    words: str
    value: float
    baseline: float
    beaten: bool


def evaluated(run: Run, metric: str, baseline: str, sign: int, words: str = "") -> Standing | None:
    """The model against a baseline of `mmvae.evaluate`: sign +1 where more is better.

    None where the run's evaluation lacks either.
    """
    known = run.evaluation.get("model"), run.evaluation.get("baselines", {}).get(baseline)
    ours, theirs = (number((scores or {}).get(metric)) for scores in known)
    if ours is None or theirs is None:
        return None
    return Standing(words, ours, theirs, sign * (ours - theirs) > 0)


def trained(run: Run, metric: str, last: float, share: float = 1.0) -> Standing | None:
    """The least of a validation metric until an epoch, against a share of what is trivial."""
    known = baselines(run).get(metric)
    values = finite(run.series(f"val/{metric}"))
    values = values[values.index <= last * (run.steps_per_epoch or 1) + 1e-6]
    if known is None or values.empty:
        return None
    least = float(values.min())
    return Standing("", least, known.value, least < share * known.value)


def retrieval(run: Run, baseline: str = "CCA") -> list[Standing]:
    """Retrieval both ways, the right one among the first 10, against a baseline."""
    each = [evaluated(run, metric, baseline, 1, words) for words, metric in RETRIEVAL.items()]
    return [standing for standing in each if standing is not None]
