"""Which component needs work? Each between its trivial baseline and its best."""

from typing import NamedTuple

from mmvae.reporting import against
from mmvae.reporting.baselines import Baselines, baselines
from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, LOOK, Figure, Verdict, below, remedies, unknown

QUESTION = "Which component needs work?"
MEANING = (
    "The share explained is 1 - value / baseline: 0% is what an answer without a model scores, "
    "100% is perfect. The component with the least is the one to work on. The loss that "
    "dominates gets most of the gradient; a weight changes that. What is right of sampled "
    "pictures is that of evaluation.json, if there: training samples them before the samplers "
    "are fitted. So is retrieval beside CCA, canonical correlation of histograms of "
    "gradients and words."
)
_DOMINATES = 0.9  # share of the weighted total


class Component(NamedTuple):
    """A part of the model, the metric that measures it, and what helps it."""

    name: str
    metric: str
    form: str
    advice: str


COMPONENTS = (
    Component(
        "image reconstruction",
        "image_mse",
        ".4f",
        "Raise --config.loss.weights.image, lower --config.loss.weights.kl, or widen the image "
        "model.",
    ),
    Component(
        "caption reconstruction, nats per token",
        "loss_caption",
        ".3f",
        "Raise --config.loss.weights.caption, or train longer; check the vocabulary.",
    ),
    Component(
        "caption of a picture, nats per token",
        "loss_caption_from_image",
        ".3f",
        "Show the picture alone more often (--config.loss.subsets.image) and keep "
        "--config.loss.cross.caption above 0.",
    ),
    Component(
        "picture of a caption",
        "image_mse_from_caption",
        ".4f",
        "A caption leaves much open, so pictures differ: judge by the samples, and train the "
        "prior longer.",
    ),
    Component(
        "alignment",
        "loss_alignment",
        ".3f",
        "Raise --config.loss.weights.alignment or the batch size. Captions that repeat within a "
        "batch keep it up.",
    ),
)
# Engraved sprites are read back exactly: shares of answers that are right in everything.
EXACT = (
    Component(
        "caption of a picture, all of it right",
        "coherence_image_to_caption",
        ".0%",
        "Show the picture alone more often: --config.loss.subsets.image.",
    ),
    Component(
        "picture of a caption, all of it right",
        "coherence_caption_to_image",
        ".0%",
        "Train longer, for the prior: --config.train.epochs; or raise --config.loss.weights.kl, so "
        "that it has less to learn.",
    ),
    Component(
        "agreement of new pairs",
        "coherence_joint",
        ".0%",
        "Train longer, for the prior: --config.train.epochs; or widen --config.model.prior.width.",
    ),
)
_ALIGN = (
    "Raise --config.loss.weights.alignment or the batch size, until retrieval is above that of CCA."
)
_OPEN = ("image_mse_from_caption", "loss_alignment")  # their best is not 0: only information


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    known = baselines(run)
    scored = [(c, _share(run, c, known)) for c in COMPONENTS]
    exact = [(c, run.measured(c.metric)) for c in EXACT]
    scored, exact = ([pair for pair in pairs if pair[1] is not None] for pairs in (scored, exact))
    if not scored:
        return unknown(QUESTION, "Too early to say: no evaluation was logged yet.")
    figures = [_figure(run, component, share, known) for component, share in scored]
    figures += [_exact(component, share) for component, share in exact]
    figures += _retrieval(run)
    figures += _dominance(run)
    judged = [pair for pair in scored if pair[0].metric not in _OPEN] or scored
    component, share = min(judged + exact, key=lambda pair: pair[1])
    name = component.name.split(",")[0]
    text = f"The most room is in the {name}: {_of(component, share, known)}."
    text += _under(run)
    if not any(figure.bad for figure in figures):
        return Verdict(QUESTION, f"All components do well. {text}", tuple(figures), MEANING)
    advice = (component.advice, *remedies(figures))
    return Verdict(QUESTION, text, tuple(figures), MEANING, advice)


def _of(component: Component, share: float, known: Baselines) -> str:
    """A share in words."""
    if component in EXACT:
        return f"{share:.0%} are right in everything"
    return f"{share:.0%} explained, where 0% is {known[component.metric].source}"


def _exact(component: Component, share: float) -> Figure:
    healthy = "above 80%; below 20% is wrong"
    return Figure(component.name, f"{share:.0%}", healthy, below(share, 0.8, 0.2))


def shares(run: Run) -> list[float]:
    """Shares explained of the components whose best is known to be perfect."""
    known = baselines(run)
    each = [_share(run, c, known) for c in COMPONENTS if c.metric not in _OPEN]
    return [share for share in each if share is not None]


def _share(run: Run, component: Component, known: Baselines) -> float | None:
    """Share explained of the last evaluation, or None."""
    value = run.last(f"val/{component.metric}")
    if value is None or component.metric not in known:
        return None
    return 1 - value / known[component.metric].value


def _figure(run: Run, component: Component, share: float, known: Baselines) -> Figure:
    values = finite(run.series(f"val/{component.metric}"))
    last, best = values.iloc[-1], values.min()
    base = known[component.metric]
    text = (
        f"{last:{component.form}}, {share:.0%} explained (best {best:{component.form}}; "
        f"trivial {base.value:{component.form}}: {base.source})"
    )
    if component.metric in _OPEN:
        return Figure(component.name, text, "above 0%")
    healthy = "above 50%; below 10% is no better than trivial"
    return Figure(component.name, text, healthy, below(share, 0.5, 0.1))


def _retrieval(run: Run) -> list[Figure]:
    """Retrieval beside a linear model's, where `mmvae.evaluate` measured both."""
    return [
        Figure(
            f"retrieval, {standing.words}, first 10",
            f"{standing.value:.1%} (CCA {standing.baseline:.1%})",
            "above CCA, a linear model",
            GOOD if standing.beaten else LOOK,
            _ALIGN,
        )
        for standing in against.retrieval(run)
    ]


def _under(run: Run) -> str:
    """A sentence where retrieval is under that of a linear model."""
    under = [s for s in against.retrieval(run) if not s.beaten]
    if not under:
        return ""
    each = ", ".join(f"{s.words} {s.value:.1%} against {s.baseline:.1%}" for s in under)
    return f" Alignment is under CCA, a linear model of the same pairs: {each} among the first 10."


def _dominance(run: Run) -> list[Figure]:
    """Shares of the weighted losses in the validation total."""
    losses = {name: run.last(f"val/loss_{name}") for name in run.loss_weights}
    parts = {n: run.loss_weights[n] * abs(loss) for n, loss in losses.items() if loss is not None}
    total = sum(parts.values())
    if not total:
        return []
    listed = sorted(parts.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name} {value / total:.0%}" for name, value in listed)
    level = LOOK if listed[0][1] / total > _DOMINATES else GOOD
    return [Figure("shares of the weighted loss", text, "none above 90%", level)]
