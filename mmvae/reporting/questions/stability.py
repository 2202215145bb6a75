"""Is it stable? Divergence, and drifts of the latent and of the loss."""

import math

from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, WRONG, Figure, Verdict, above, remedies

QUESTION = "Is it stable?"
MEANING = (
    "A latent longer than the prior's (the square root of its dimensions) makes new samples look "
    "unlike reconstructions. A loss that ends above its lowest value has lost ground."
)


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    figures = (_diverged(run), _rise(run), _jumps(run), _norm(run), _kl(run))
    figures = tuple(figure for figure in figures if figure)
    bad = [figure for figure in figures if figure.bad]
    if run.diverged:
        text = f"No: it diverged at step {run.diverged[0]:,}."
    elif bad:
        text = f"Not quite: {bad[0].label} {bad[0].value}."
    else:
        text = "Yes: nothing diverged, and the latent stays where it is."
    return Verdict(QUESTION, text, figures, MEANING, remedies(figures))


def _diverged(run: Run) -> Figure:
    if run.diverged is None:
        return Figure("values that are not finite", "none", "none", GOOD)
    step, names = run.diverged
    listed = ", ".join(name.split("/")[-1] for name in names[:4])
    return Figure(
        "values that are not finite",
        f"step {step:,}: {listed}",
        "none",
        WRONG,
        "Lower the learning rate, and continue: the checkpoints before are kept.",
    )


def _rise(run: Run) -> Figure | None:
    """How far the training loss is above its lowest, in the smoothed curve."""
    loss = finite(run.series("train/loss_total"))
    if len(loss) < 8:
        return None
    smooth = loss.rolling(5, min_periods=1).median()
    rise = (smooth.iloc[-1] - smooth.min()) / max(abs(smooth.min()), 1e-9)
    return Figure(
        "training loss, end above its lowest",
        f"{rise:+.0%}",
        "below 10%; above 50% is wrong",
        above(rise, 0.1, 0.5),
        "The best checkpoint is kept; lower the learning rate for a steadier end.",
    )


def _jumps(run: Run) -> Figure | None:
    """How often an evaluation was much worse than the one before."""
    loss = finite(run.series("val/loss_total"))
    if len(loss) < 4:
        return None
    worse = int((loss.diff() > 0.2 * loss.shift().abs()).sum())
    return Figure(
        "evaluations that lost more than 20%",
        f"{worse} of {len(loss)}",
        "none; above 10% is wrong",
        above(worse / len(loss), 0.0, 0.1),
        "Lower the learning rate, or lengthen the warm-up.",
    )


def _norm(run: Run) -> Figure | None:
    norm, size = run.last("val/latent_norm"), run.latent_dim
    if norm is None or not size:
        return None
    ratio = norm / math.sqrt(size)
    return Figure(
        "length of latents against the prior's",
        f"{ratio:.2f} times",
        "below 2; above 5 is wrong",
        above(ratio, 2, 5),
        "Raise --config.loss.weights.kl.",
    )


def _kl(run: Run) -> Figure | None:
    values = finite(run.series("val/latent_kl"))
    if len(values) < 4:
        return None
    change = (values.iloc[-1] - values.iloc[-2]) / max(values.iloc[-2], 1e-9)
    return Figure("change of the latent's KL over the last evaluation", f"{change:+.1%}")
