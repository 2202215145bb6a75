"""The charts of a run: one panel for each metric, in groups, train against val."""

from typing import NamedTuple

from mmvae.reporting.baselines import Baseline, baselines
from mmvae.reporting.curves import TRAIN, VAL, Line, Panel
from mmvae.reporting.questions.overfitting import epochs
from mmvae.reporting.runs import Run, finite


class Group(NamedTuple):
    """Charts that belong together: what they show, and whether a page opens with them."""

    title: str
    words: str
    panels: list[Panel]
    open: bool = False


# Title, how its metrics' names begin, what it shows, whether it is open; around the modalities.
_BEFORE = (
    ("Losses", ("loss_",), "What is minimised, term by term.", True),
    ("Latent", ("latent_",), "What the latent holds.", True),
)
_MODALITIES = {
    "image": "Errors of pictures, pixels in [-1, 1].",
    "caption": "Captions, token by token; padding never counts.",
}
_AFTER = (
    ("Coherence", ("coherence_",), "Whether the other side says what was asked.", False),
    (
        "Gradients",
        ("grad_", "update_ratio"),
        "Sizes of gradients, before clipping, and of updates.",
        True,
    ),
    (
        "Schedule",
        ("learning_rate", "kl_weight"),
        "What the configuration asks for, step by step.",
        False,
    ),
    ("Other", ("",), "", False),
)
_FIRST = ("loss_total", "image_mse", "caption_accuracy", "latent_kl")  # leads its group


def groups(run: Run) -> list[Group]:
    """Charts of everything that the run logged."""
    left = sorted({*run.names("train"), *run.names("val")}, key=_order)
    known = baselines(run)
    every = []
    for title, prefixes, words, opened in (*_BEFORE, *_modalities(run), *_AFTER):
        own = [name for name in left if name.startswith(prefixes)]
        left = [name for name in left if name not in own]
        charts = [panel(run, name, known.get(name)) for name in own]
        every.append(Group(title, words, charts, opened))
    system = [_system(run, name) for name in sorted(run.names("system"))]
    every.append(Group("System", "The machine, since the row before.", system))
    return [group for group in every if group.panels]


def _modalities(run: Run) -> list[tuple[str, tuple[str, ...], str, bool]]:
    """A group a modality; those that every run had where its configuration names none."""
    own = run.modalities or tuple(_MODALITIES)
    names = [n for n in _MODALITIES if n in own] + [n for n in own if n not in _MODALITIES]
    return [(n.capitalize(), (f"{n}_",), _MODALITIES.get(n, ""), True) for n in names]


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
