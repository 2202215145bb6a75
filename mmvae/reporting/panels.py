"""The charts of a run: one panel for each metric, in groups, train against val."""

from mmvae.reporting.baselines import Baseline, baselines
from mmvae.reporting.curves import TRAIN, VAL, Line, Panel
from mmvae.reporting.questions.overfitting import epochs
from mmvae.reporting.runs import Run, finite

# Group, how its metrics' names begin, what the group shows.
GROUPS = (
    ("Losses", ("loss_",), "What is minimised, term by term."),
    ("Latent", ("latent_",), "What the latent holds."),
    ("Image", ("image_",), "Errors of pictures, pixels in [-1, 1]."),
    ("Caption", ("caption_",), "Captions, token by token; padding never counts."),
    ("Coherence", ("coherence_",), "Whether the other side says what was asked."),
    (
        "Gradients",
        ("grad_", "update_ratio"),
        "Sizes of gradients, before clipping, and of updates.",
    ),
    ("Schedule", ("learning_rate", "kl_weight"), "What the configuration asks for, step by step."),
)
_FIRST = ("loss_total", "image_mse", "caption_accuracy", "latent_kl")  # leads its group


def groups(run: Run) -> list[tuple[str, str, list[Panel]]]:
    """[(title, words, [Panel])] of everything that the run logged."""
    names = sorted({*run.names("train"), *run.names("val")}, key=_order)
    known = baselines(run)
    charts, left = [], list(names)
    for title, prefixes, words in GROUPS:
        mine = [name for name in left if name.startswith(prefixes)]
        left = [name for name in left if name not in mine]
        charts.append((title, words, [panel(run, name, known.get(name)) for name in mine]))
    charts.append(("Other", "", [panel(run, name, known.get(name)) for name in left]))
    system = [_system(run, name) for name in sorted(run.names("system"))]
    charts.append(("System", "The machine, since the row before.", system))
    return [(title, words, panels) for title, words, panels in charts if panels]


def panel(run: Run, name: str, baseline: Baseline | None = None) -> Panel:
    """The chart of a metric: every logged row, means of epochs, and validation."""
    lines = []
    train, val = finite(run.series(f"train/{name}")), finite(run.series(f"val/{name}"))
    if len(train):
        lines.append(Line("train, each row", train, TRAIN, faint=len(val) > 1))
    # The total of training counts other rows than validation does: its means are comparable.
    means = epochs(run, name)["train"] if len(val) > 1 else ()
    if len(means) > 1:
        lines.append(Line("train, mean of an epoch", means, TRAIN))
    if len(val):
        lines.append(Line("val", val, VAL, marker="o"))
    if not len(val):
        return Panel(name, lines, steps_per_epoch=run.steps_per_epoch)
    return Panel(name, lines, run.best_step, run.steps_per_epoch, baseline=baseline)


def _system(run: Run, name: str) -> Panel:
    values = finite(run.series(f"system/{name}"))
    return Panel(name, [Line(name, values, TRAIN)], steps_per_epoch=run.steps_per_epoch)


def _order(name: str) -> tuple[bool, bool, str]:
    return (name not in _FIRST, "_from_" in name, name)
