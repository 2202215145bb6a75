"""What a run should beat: baselines on the same split, with plain figures beside them."""

from mmvae.reporting import against
from mmvae.reporting.baselines import baselines
from mmvae.reporting.criteria.criterion import Criterion, Measure, Trivial
from mmvae.reporting.runs import Run, finite, number

# Figures without a baseline: (validation metric, +1 where more is better, limit, format).
_PLAIN = {
    "accuracy over 70%": ("caption_accuracy", 1, 0.70, ".1%"),
    "accuracy over 75%": ("caption_accuracy", 1, 0.75, ".1%"),
    "MSE under 0.3": ("image_mse", -1, 0.3, ".4f"),
    "MSE under 0.25": ("image_mse", -1, 0.25, ".4f"),
}


def _until_epoch(share: float, metric: str, form: str) -> Measure:
    """Whether a validation metric fell below a share of what is trivial."""

    def measure(run: Run, last: int) -> tuple[bool | None, str]:
        standing = against.trained(run, metric, last, share)
        if standing is None:
            return None, "not evaluated yet"
        part = standing.value / standing.baseline
        return standing.beaten, f"{standing.value:{form}}: {part:.0%} of it"

    return measure


def _evaluated(metric: str, baseline: str, sign: int, form: str) -> Measure:
    """Whether the model of `mmvae.evaluate` beats a baseline on the same pairs."""

    def measure(run: Run, last: int) -> tuple[bool | None, str]:
        standing = against.evaluated(run, metric, baseline, sign)
        if standing is None:
            return None, against.MISSING
        return standing.beaten, f"{standing.value:{form}} on {run.evaluation.get('split')}"

    return measure


def _retrieves(run: Run, last: int) -> tuple[bool | None, str]:
    known = against.retrieval(run)
    if not known:
        return None, against.MISSING
    each = ", ".join(f"{standing.words} {standing.value:.1%}" for standing in known)
    text = f"{each} on {run.evaluation.get('split')}"
    return all(standing.beaten for standing in known), text


def _of(metric: str, form: str, plain: str = "") -> Trivial:
    """What is trivial before training, with a plain figure beside it."""

    def trivial(run: Run) -> tuple[str, str]:
        known = baselines(run).get(metric)
        note = _plain(run, plain)
        return (f"{known.value:{form}}: {known.source}" if known else "not known"), note

    return trivial


def _beside(metric: str, baseline: str, form: str, plain: str = "") -> Trivial:
    """What a baseline of `mmvae.evaluate` has, with a plain figure beside it."""

    def trivial(run: Run) -> tuple[str, str]:
        value = number(run.evaluation.get("baselines", {}).get(baseline, {}).get(metric))
        text = baseline if value is None else f"{value:{form}}: {baseline}"
        return text, _plain(run, plain)

    return trivial


def _of_retrieval(run: Run) -> tuple[str, str]:
    known = against.retrieval(run)
    text = ", ".join(f"{standing.words} {standing.baseline:.1%}" for standing in known)
    under = not all(standing.beaten for standing in known)
    note = "The model sees less of what is shown than a linear model does." if under else ""
    return (f"{text}: CCA" if known else "CCA, canonical correlation"), note


def _plain(run: Run, name: str) -> str:
    """How a run stands to a plain figure, and what that is worth."""
    if not name:
        return ""
    metric, sign, limit, form = _PLAIN[name]
    values, known = finite(run.series(f"val/{metric}")), baselines(run).get(metric)
    if values.empty:
        return ""
    best = values.max() if sign > 0 else values.min()
    met = "met" if sign * (best - limit) > 0 else "not met"
    trivial = known is not None and sign * (known.value - limit) > 0
    why = "a trivial answer meets it" if trivial else "in training, learning by heart meets it"
    return f"Plain figure, {name}: {met} ({best:{form}}). It proves nothing alone: {why}."


def _falls(
    first: int, last: int, words: str, of: tuple[str, str], share: float = 1.0, plain: str = ""
) -> Criterion:
    """A criterion that a metric falls below a share of what is trivial, by an epoch.

    `of` is the metric and the format of its values.
    """
    name, form = of
    measures = _until_epoch(share, name, form), _of(name, form, plain)
    return Criterion(first, last, False, words, *measures)


def _beats(
    words: str, name: str, baseline: str, sign: int, form: str, plain: str = ""
) -> Criterion:
    """A criterion that the kept model beats a baseline of `mmvae.evaluate`."""
    measures = _evaluated(name, baseline, sign, form), _beside(name, baseline, form, plain)
    return Criterion(0, 0, False, words, *measures)


_MSE, _LOSS = ("image_mse", ".4f"), ("loss_caption", ".3f")
_ALONE = ("loss_caption_from_image", ".3f")
TRAINED = (
    _falls(6, 20, "image MSE below the mean picture's", _MSE),
    _falls(6, 20, "caption loss below that of piece frequencies", _LOSS),
    _falls(21, 50, "image MSE below half of the mean picture's", _MSE, 0.5, "MSE under 0.3"),
    _falls(
        21,
        50,
        "given the picture alone, caption loss below that of piece frequencies",
        _ALONE,
        plain="accuracy over 70%",
    ),
)
_PERPLEXITY = "caption_perplexity"
_GIVEN = "caption_perplexity_from_image"
EVALUATED = (
    _beats("image MSE below PCA's", "image_mse", "PCA", -1, ".4f", "MSE under 0.25"),
    _beats("perplexity below the n-gram's", _PERPLEXITY, "n-gram", -1, ".4g", "accuracy over 75%"),
    _beats("the same, given the picture alone", _GIVEN, "n-gram", -1, ".4g"),
    Criterion(0, 0, False, "retrieval above CCA's, first 10", _retrieves, _of_retrieval),
)
