"""Several runs beside each other: which fields differ, which runs differ by their seed alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from mmvae.reporting.runs import Run

_NAMES_ONLY = ("name", "wandb.mode", "wandb.project")  # no influence on training
SEED = "seed"


class Target(NamedTuple):
    """What runs are compared by: a validation metric, and whether less of it is better."""

    metric: str
    words: str
    form: str
    less: bool

    def best(self, values: pd.Series) -> float:
        """The best of some values."""
        return values.min() if self.less else values.max()


TARGETS = (
    Target("loss_total", "val loss", ".4g", True),
    Target("image_mse", "image MSE", ".4f", True),
    Target("loss_caption", "caption loss", ".4f", True),
    Target("caption_accuracy", "caption accuracy", ".1%", False),
    Target("loss_caption_from_image", "caption loss, picture alone", ".4f", True),
    Target("caption_z_gap", "caption z gap", "+.3f", False),
    Target("coherence_caption_to_image", "picture of a caption right", ".1%", False),
)


@dataclass(frozen=True)
class Comparison:
    """Runs, and what differs between them.

    Attributes:
        runs: in the given order.
        fields: dotted fields that differ, the seed not among them.
        seeds: whether the seed differs.
        table: one row for each run: the fields, "seed", "setting" (a label of the fields), and
            the value of each target at the run's best step.
        targets: those that every run has and that mean the same in every run.
        notes: sentences on what cannot be compared.
    """

    runs: list[Run]
    fields: list[str]
    seeds: bool
    table: pd.DataFrame
    targets: list[Target]
    notes: list[str]

    @property
    def settings(self) -> list[str]:
        """Labels of the settings, in the order of the runs."""
        return list(dict.fromkeys(self.table["setting"]))


def compare(runs: Sequence[Run]) -> Comparison:
    """What differs between at least two runs, and what they reached."""
    differing = _differing(runs)
    fields = [name for name in differing if name != SEED]
    table = pd.DataFrame([_row(run, fields) for run in runs])
    targets, notes = _targets(runs, fields, table)
    return Comparison(list(runs), fields, SEED in differing, table, targets, notes)


def short(field: str, fields: Sequence[str]) -> str:
    """A field's shortest name that none of the others shares."""
    parts = field.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[-count:])
        if sum(other == name or other.endswith(f".{name}") for other in fields) <= 1:
            return name
    return field


def _differing(runs: Sequence[Run]) -> list[str]:
    """Fields that some runs have another value of, or lack, in the order of the first's config."""
    names = dict.fromkeys(name for run in runs for name in run.config)
    return [
        name
        for name in names
        if name not in _NAMES_ONLY and len({repr(run.config.get(name)) for run in runs}) > 1
    ]


def _row(run: Run, fields: list[str]) -> dict[str, Any]:
    values = {field: run.config.get(field) for field in fields}
    label = ", ".join(f"{short(field, fields)}={_text(value)}" for field, value in values.items())
    row = values | {"run": run.name, SEED: run.config.get(SEED), "setting": label or "all alike"}
    return row | {target.metric: at_best(run, target.metric) for target in TARGETS}


def at_best(run: Run, metric: str) -> float:
    """A validation metric at the run's best step, or the last one before; NaN where none is."""
    values = run.series(f"val/{metric}").astype(float)
    if run.best_step is None or values.empty:
        return math.nan
    before = values[values.index <= run.best_step]
    return float((before if len(before) else values).iloc[-1])


def _targets(
    runs: Sequence[Run], fields: list[str], table: pd.DataFrame
) -> tuple[list[Target], list[str]]:
    """Targets that can be compared, and notes on what cannot."""
    notes, unfit = [], set()
    weights = [name for name in fields if name.startswith(("loss.weights", "loss.free_bits"))]
    if weights:
        unfit.add("loss_total")
        notes.append(
            f"{', '.join(weights)} differ, so the total loss means another thing in each run: "
            f"compare its parts, which are not weighted."
        )
    if any(name.startswith("model.modalities.image.likelihood") for name in fields):
        unfit.add("loss_total")
        notes.append("The image likelihoods differ, so the losses have other units.")
    if any(name in ("data.dir", "data.image_size") for name in fields):
        notes.append("The data differ: numbers of other pictures do not compare exactly.")
    running = [run.name for run in runs if not run.finished]
    if running:
        notes.append(f"Not finished: {', '.join(running)}; compared by what they have.")
    kept = [t for t in TARGETS if t.metric not in unfit and table[t.metric].notna().all()]
    return kept, notes


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
