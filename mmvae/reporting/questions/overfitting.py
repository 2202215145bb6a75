"""Is it overfitting? The gap between validation and training, its trend, and where val turned."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, LOOK, UNKNOWN, Figure, Verdict, above, unknown, worst

QUESTION = "Is it overfitting?"
MEANING = (
    "The gap is validation minus training, each the mean of an epoch, training counted over the "
    "rows that showed the model everything. Training is measured with word dropout and on the "
    "parameters of the moment, validation on their average: a small negative gap is normal. The "
    "total is weighted as the loss is. A gap that grows while validation rises is overfitting; "
    "the best checkpoint is kept from where validation turned."
)
_ADVICE = (
    "Use the best checkpoint (the default of every command) and stop earlier.",
    "More data or --config.data.augment=true; for captions raise "
    "--config.model.modalities.caption.word_dropout; then weight decay, or a smaller model.",
)
_TURNED = 0.02  # rise above the lowest value, as a share of it, that counts as turning
_PATIENCE = 2  # evaluations after the lowest one before it counts


class Part(NamedTuple):
    """What is compared; a relative gap is divided by the training value."""

    name: str
    metric: str
    relative: bool
    look: float
    wrong: float


PARTS = (
    Part("total loss, weighted", "loss_total", False, 0.3, 1.0),
    Part("caption loss, nats per token", "loss_caption", False, 0.3, 1.0),
    Part("image MSE, relative", "image_mse", True, 0.3, 1.0),
    Part("prior's flow matching loss, relative", "loss_prior", True, 0.5, 2.0),
)


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    pairs = {part: epochs(run, part.metric) for part in PARTS}
    pairs = {part: pair for part, pair in pairs.items() if len(pair) >= 1}
    if not pairs:
        return unknown(QUESTION, "Too early to say: no evaluation was logged yet.")
    figures = [figure for part, pair in pairs.items() for figure in _figures(run, part, pair)]
    level = worst(figure.level for figure in figures)
    bad = [figure for figure in figures if figure.level == level]
    if level in (GOOD, UNKNOWN):
        return Verdict(QUESTION, "No: validation follows training.", tuple(figures), MEANING)
    named = "; ".join(f"{figure.label} {figure.value}" for figure in bad[:2])
    start = "It may be starting to" if level == LOOK else "Yes"
    return Verdict(QUESTION, f"{start}: {named}.", tuple(figures), MEANING, _ADVICE)


def epochs(run: Run, metric: str) -> pd.DataFrame:
    """Frame by evaluation step: `val`, and `train`, the mean of the rows since the one before."""
    val = finite(run.series(f"val/{metric}"))
    train = comparable_total(run) if metric == "loss_total" else run.series(f"train/{metric}")
    train = finite(train)
    if val.empty or train.empty:
        return pd.DataFrame(columns=["train", "val"])
    edges = np.concatenate([[0], val.index])
    between = pd.cut(train.index, edges, labels=val.index)
    means = train.groupby(between, observed=True).mean()
    return pd.DataFrame({"train": means, "val": val}).dropna()


def comparable_total(run: Run) -> pd.Series:
    """Training loss as validation counts it: the weighted means over fully shown rows.

    Where the configuration tells no weights, the loss as logged.
    """
    terms = {name: run.series(f"train/loss_{name}") for name in run.loss_weights}
    logged = [run.loss_weights[name] * term for name, term in terms.items() if len(term)]
    return sum(logged[1:], logged[0]) if logged else run.series("train/loss_total")


def _figures(run: Run, part: Part, pair: pd.DataFrame) -> Iterator[Figure]:
    gap, last = pair["val"] - pair["train"], pair.iloc[-1]
    if part.relative:
        gap = gap / pair["train"].abs()
    form = "+.0%" if part.relative else "+.3f"
    healthy = (
        f"below {part.look:.0%}; above {part.wrong:.0%} severe"
        if part.relative
        else f"below {part.look}; above {part.wrong} severe"
    )
    yield Figure(
        f"gap of the {part.name}",
        f"{gap.iloc[-1]:{form}} (train {last['train']:.4g}, val {last['val']:.4g})",
        healthy,
        above(gap.iloc[-1], part.look, part.wrong),
    )
    if len(gap) >= 4:
        half = gap.iloc[len(gap) // 2 :]
        growth = np.polyfit(np.linspace(0, 1, len(half)), half, 1)[0]
        growing = growth > part.look / 3 and gap.iloc[-1] > part.look / 3
        yield Figure(
            f"its growth over the second half, {part.name}",
            f"{growth:{form}}",
            f"below {part.look / 3:{form}}",
            LOOK if growing else GOOD,
        )
    yield _turn(run, part, pair["val"], gap.iloc[-1])


def _turn(run: Run, part: Part, val: pd.Series, gap: float) -> Figure:
    lowest = val.idxmin()
    after = len(val.loc[lowest:]) - 1
    rise = (val.iloc[-1] - val.min()) / max(abs(val.min()), 1e-9)
    turned = after >= _PATIENCE and rise > _TURNED
    per_epoch = run.steps_per_epoch or 1
    text = f"epoch {lowest / per_epoch:.3g}, {rise:+.0%} since" if turned else "not yet"
    # Validation alone may rise because the task grew harder, as the prior's does while the
    # latent fills: only a gap makes it overfitting.
    level = LOOK if turned and gap > part.look / 3 else GOOD
    return Figure(f"where validation turned, {part.name}", text, "not before the end", level)
