"""Is my learning rate right? Sizes of updates and gradients, and the slope of the loss."""

import numpy as np
import pandas as pd

from mmvae.reporting.questions import components
from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, LOOK, UNKNOWN, WRONG, Figure, Verdict, above, unknown

QUESTION = "Is my learning rate right?"
MEANING = (
    "The update-to-weight ratio is the length of one update divided by the length of all "
    "parameters: near 1e-3, a parameter turns over in about a thousand steps. It follows the "
    "schedule, so it is judged where the learning rate is at least half of its peak. Clipped "
    "steps are those whose gradient was longer than the clip; with Adam many of them are no harm "
    "while nothing spikes. Where nearly all are, by far, every batch counts alike however large "
    "its gradient is, and a spike cannot be told from a step."
)
_FEW = 5  # rows, below which nothing is judged
_GOOD = (2e-4, 6e-3)  # update-to-weight ratio
_LOW, _HIGH = 1e-4, 1e-2
_SPIKE = 5  # times the median of the rows around it
_CLIPPED, _ABOVE = 0.9, 5  # share of steps, and norm by clip, from which the clip sets the length
_STILL_FALLING = 0.1  # share of the loss that the last quarter of training took off
_NOTHING_LEARNED = 0.1  # share of the loss that the whole run took off


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    loss = finite(run.series("train/loss_total"))
    if run.diverged and len(loss) < _FEW:
        return _verdict(run, None, "high", [])
    if len(loss) < _FEW:
        return unknown(QUESTION, f"Too early to say: {len(loss)} logged rows, {_FEW} are needed.")
    ratio = _ratio(run)
    norm = finite(run.series("train/grad_norm"))
    figures = [
        _ratio_figure(ratio),
        _spikes(norm),
        _trend(norm),
        _clipped(run, norm),
        _over(run, norm),
    ]
    figures += [_fall(run, loss), _end(loss), _reach(run, ratio)]
    direction = _direction(run, ratio, loss, figures)
    return _verdict(run, ratio, direction, figures)


def _ratio(run: Run) -> float | None:
    """Median update-to-weight ratio while the learning rate is high, or None.

    None for adapters: they start at 0, and large updates of small weights are their nature.
    """
    if run.config.get("model.adapter_rank", 0):
        return None
    ratio, rate = finite(run.series("train/update_ratio")), run.series("train/learning_rate")
    high = ratio[rate.reindex(ratio.index) >= 0.5 * rate.max()] if len(rate) else ratio
    return float(high.median()) if len(high) else None


def _ratio_figure(ratio: float | None) -> Figure:
    healthy = "about 1e-3; 2e-4 to 6e-3 is good, below 1e-4 or above 1e-2 is wrong"
    if ratio is None:
        return Figure("update-to-weight ratio", "not logged, or of adapters", healthy)
    good = _GOOD[0] <= ratio <= _GOOD[1]
    level = GOOD if good else LOOK if _LOW <= ratio <= _HIGH else WRONG
    return Figure("update-to-weight ratio", f"{ratio:.1e}", healthy, level)


def _spikes(norm: pd.Series) -> Figure:
    around = norm.rolling(9, center=True, min_periods=3).median()
    count = int((norm > _SPIKE * around).sum())
    share = count / max(1, len(norm))
    return Figure(
        f"gradient spikes (rows above {_SPIKE} times their surroundings)",
        f"{count} of {len(norm)}",
        "below 2% of rows; above 5% is wrong",
        above(share, 0.02, 0.05) if len(norm) >= _FEW else UNKNOWN,
    )


def _trend(norm: pd.Series) -> Figure:
    quarter = len(norm) // 4
    if quarter < 2:
        return Figure("gradient norm, end against the middle", "too few rows")
    # The first quarter holds the warm-up, whose gradients say little.
    growth = norm.iloc[-quarter:].median() / norm.iloc[quarter : 2 * quarter].median()
    return Figure(
        "gradient norm, last quarter against second",
        f"{growth:.2f} times",
        "steady or falling; above 3 look, above 10 wrong",
        above(growth, 3, 10),
    )


def _clipped(run: Run, norm: pd.Series) -> Figure:
    label, healthy = "share of clipped steps", "below 50%; more alone is no fault with Adam"
    shares = finite(run.series("train/grad_clipped"))
    if len(shares):
        share = float(shares.mean())
    elif len(norm) and "optimizer.clip_norm" in run.config:
        share = float((norm > run.config["optimizer.clip_norm"]).mean())
        label = "share of rows whose mean gradient is above the clip"
    else:
        return Figure(label, "not logged", healthy)
    level = LOOK if share >= _CLIPPED and _times(run, norm) >= _ABOVE else UNKNOWN
    return Figure(label, f"{share:.0%}", healthy, level)


def _over(run: Run, norm: pd.Series) -> Figure:
    label, healthy = "gradient norm by clip, median", f"below {_ABOVE} where most are clipped"
    times = _times(run, norm)
    return Figure(label, f"{times:.1f}" if times else "not logged", healthy)


def _times(run: Run, norm: pd.Series) -> float:
    """Median gradient norm as a multiple of the clip; 0 where it is not known."""
    clip = run.config.get("optimizer.clip_norm")
    return float(norm.median() / clip) if clip and len(norm) else 0.0


def _fall(run: Run, loss: pd.Series) -> Figure:
    started = run.config.get("init.from_run")  # what was learned elsewhere need not fall again
    first, last = loss.iloc[0], loss.iloc[-max(1, len(loss) // 10) :].median()
    fall = (first - last) / abs(first)
    return Figure(
        "training loss, first row to last tenth",
        f"{first:.3g} to {last:.3g} ({-fall:+.0%})",
        "falls; by less than 10% nothing was learned",
        WRONG if fall < _NOTHING_LEARNED and not started else GOOD,
    )


def _end(loss: pd.Series) -> Figure:
    quarter = loss.iloc[-max(2, len(loss) // 4) :]
    slope = np.polyfit(np.linspace(0, 1, len(quarter)), quarter, 1)[0]
    change = slope / abs(quarter.median())
    level = LOOK if abs(change) > _STILL_FALLING else GOOD
    return Figure(
        "slope of the loss over the last quarter",
        f"{change:+.1%}",
        "between -10% and +10%: it has levelled off",
        level if change < 0.5 else WRONG,
    )


def _reach(run: Run, ratio: float | None) -> Figure:
    """Whether anything was learned that a trivial answer does not know."""
    shares = components.shares(run)
    label, healthy = "best component, share explained beyond trivial", "above 0%"
    if not shares:
        return Figure(label, "not evaluated yet", healthy)
    # With updates of a good size it is only too early.
    poor = LOOK if ratio is not None and _GOOD[0] <= ratio <= _GOOD[1] else WRONG
    return Figure(label, f"{max(shares):.0%}", healthy, poor if max(shares) <= 0 else GOOD)


def _direction(run: Run, ratio: float | None, loss: pd.Series, figures: list[Figure]) -> str:
    """ "high", "low", "short" (more steps would help), "clipped" (nearly always) or "right"."""
    _, spikes, trend, clipped, _, fall, end, reach = figures
    if run.diverged or (ratio is not None and ratio > _HIGH):
        return "high"
    if ratio is not None and ratio < _LOW:
        return "low"
    if WRONG in (spikes.level, trend.level, fall.level, reach.level):
        return "low" if ratio is not None and ratio < 1e-3 else "high"
    if end.level != GOOD or reach.level == LOOK:
        return "short" if loss.iloc[-1] < loss.median() else "high"
    return "clipped" if clipped.level == LOOK else "right"


def _verdict(run: Run, ratio: float | None, direction: str, figures: list[Figure]) -> Verdict:
    rate = run.config.get("optimizer.learning_rate")
    given = f"The learning rate {rate:g}" if rate else "The learning rate"
    shown = f"the update-to-weight ratio is {ratio:.1e}" if ratio is not None else "see the figures"
    if run.diverged:
        shown = f"training diverged at step {run.diverged[0]:,}"
    flag = "--config.optimizer.learning_rate="
    lower, higher = (f"{flag}{rate / 3:.1g}", f"{flag}{rate * 3:.1g}") if rate else ("", "")
    watch = [figure for figure in figures if figure.bad]
    also = f"; watch the {watch[0].label}: {watch[0].value}" if watch else ""
    times = _times(run, finite(run.series("train/grad_norm")))
    wider = f"{2 * times * run.config.get('optimizer.clip_norm', 1.0):.1f}"
    answers = {
        "high": f"{given} looks too high: {shown}.",
        "low": f"{given} looks too low: {shown}.",
        "short": f"{given} looks right ({shown}), but training was too short to tell.",
        "clipped": f"{given} looks right ({shown}), but nearly every step is clipped: the median "
        f"gradient is {times:.1f} times the clip.",
        "right": f"{given} looks right: {shown}{also}.",
    }
    advice = {
        "high": (f"Lower it by 3 to 10 and compare: {lower}.", "Lengthen the warm-up."),
        "low": (f"Raise it by 3 to 10 and compare: {higher}.",),
        "short": ("Train longer: raise --config.train.epochs.",),
        "clipped": (
            f"Clip spikes alone: --config.optimizer.clip_norm={wider}, twice the median norm.",
        ),
        "right": (f"A sweep tells for certain: compare {lower} and {higher}.",) if rate else (),
    }
    if run.diverged:
        step, names = run.diverged
        note = Figure("diverged", f"step {step}: {names[0].split('/')[-1]}", "never", WRONG)
        figures = [note, *figures]
    return Verdict(QUESTION, answers[direction], tuple(figures), MEANING, advice[direction])
