"""Is it overfitting, and which half? Gaps of validation and training, and where val turned."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmvae.reporting.halves import Half, halves
from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import (
    GOOD,
    LOOK,
    UNKNOWN,
    WRONG,
    Figure,
    Verdict,
    above,
    unknown,
    worst,
)

QUESTION = "Is it overfitting?"
MEANING = (
    "The gap is validation minus training, each the mean of an epoch, training counted over the "
    "rows that showed the model everything. Training is measured with word dropout and on the "
    "parameters of the moment, validation on their average: a small negative gap is normal. The "
    "total is weighted as the loss is. A gap that grows while validation rises is overfitting. "
    "Each half may turn at an epoch of its own: the best checkpoint is a choice between them, and "
    "what it costs each half stands beside it."
)
_STOP = "Use the best checkpoint (the default of every command) and stop earlier."
_OTHER = "Another half may be kept: --checkpoint latest, or a step that is stored."
_MORE = "More data; then weight decay, or a smaller model."
_ADVICE = {
    "captions": "For the captions raise --config.model.modalities.caption.dropout and "
    "--config.model.modalities.caption.word_dropout, or add prose (--config.data.shares.caption).",
    "pictures": "For the pictures type --config.data.augment=true, or raise "
    "--config.model.modalities.image.dropout.",
}
_COSTS = 0.1  # share by which a half is worse in the best checkpoint before it counts
_TURNED = 0.02  # rise above the lowest value, as a share of it, that counts as turning
_PATIENCE = 2  # evaluations after the lowest one before it counts


class Part(NamedTuple):
    """What is compared, and whose it is; a relative gap is divided by the training value."""

    of: str
    name: str
    metric: str
    relative: bool
    look: float
    wrong: float


PARTS = (
    Part("total", "total loss, weighted", "loss_total", False, 0.3, 1.0),
    Part("captions", "caption loss, nats per token", "loss_caption", False, 0.3, 1.0),
    Part("pictures", "image MSE, relative", "image_mse", True, 0.3, 1.0),
    Part("prior", "prior's flow matching loss, relative", "loss_prior", True, 0.5, 2.0),
)


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    pairs = {part: epochs(run, part.metric) for part in PARTS}
    pairs = {part: pair for part, pair in pairs.items() if len(pair) >= 1}
    if not pairs:
        return unknown(QUESTION, "Too early to say: no evaluation was logged yet.")
    parts = {part.of: [*_figures(run, part, pair)] for part, pair in pairs.items()}
    kept = halves(run)
    figures = [figure for each in parts.values() for figure in each] + [_cost(h) for h in kept]
    levels = {name: worst(figure.level for figure in each) for name, each in parts.items()}
    bad = _blamed(levels)
    # Where the kept one costs a half, the cure is for the half that turned first.
    early = [min(kept, key=_turned_at).name] if any(h.worse > _COSTS for h in kept) else []
    text = " ".join([_gaps(parts, levels, bad), *_choice(kept)])
    if not bad and not early:
        return Verdict(QUESTION, text, tuple(figures), MEANING)
    own = [_ADVICE[name] for name in _ADVICE if name in (*bad, *early)]
    advice = (_STOP, *own, _MORE) if bad else (*own, _OTHER)
    return Verdict(QUESTION, text, tuple(figures), MEANING, advice)


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


def _blamed(levels: dict[str, str]) -> list[str]:
    """Those that are worst: halves and the prior, or the total where it alone is."""
    parts = {name: level for name, level in levels.items() if name != "total"}
    level = worst(parts.values())
    if level in (GOOD, UNKNOWN):
        return ["total"] if levels.get("total") in (LOOK, WRONG) else []
    return [name for name, own in parts.items() if own == level]


def _gaps(parts: dict[str, list[Figure]], levels: dict[str, str], bad: list[str]) -> str:
    """Who overfits, with numbers, and which half does not."""
    if not bad:
        return "No: validation follows training."
    level = levels[bad[0]]
    start = "Yes" if level == WRONG else "It may be starting to"
    text = f"{start}, the {' and the '.join(bad)}: "
    text += "; ".join(_worded(figure) for name in bad for figure in _telling(parts[name]))
    well = [name for name in _ADVICE if levels.get(name) == GOOD]
    return text + "." + "".join(f" The {n} do not: {_worded(parts[n][0])}." for n in well)


def _telling(figures: list[Figure]) -> list[Figure]:
    """The gap, and where validation turned if it did; its growth is left to the table."""
    return [figures[0], *(figure for figure in figures[-1:] if figure.bad)]


def _worded(figure: Figure) -> str:
    return f"{figure.label} {figure.value}"


def _choice(kept: list[Half]) -> list[str]:
    """A sentence on the best checkpoint where the halves are best at different epochs."""
    if len({half.best_epoch for half in kept}) < 2 or max(half.worse for half in kept) < 0.005:
        return []
    each = [f"the {h.name} are best at epoch {h.best_epoch:.3g} ({h.words})" for h in kept]
    return [f"Kept is epoch {kept[0].kept_epoch:.3g}: {', '.join(each)}."]


def _turned_at(half: Half) -> float:
    return half.best_epoch


def _cost(half: Half) -> Figure:
    """A half in the best checkpoint beside its own best epoch."""
    return Figure(
        f"{half.name} in the best checkpoint, epoch {half.kept_epoch:.3g}",
        f"best at epoch {half.best_epoch:.3g}, {half.words}",
        f"at most {_COSTS:.0%} worse",
        LOOK if half.worse > _COSTS else GOOD,
    )


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
