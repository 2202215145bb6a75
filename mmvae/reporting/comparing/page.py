"""The report of several runs: what differs, what came out, and what mattered."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mmvae.reporting import document, samples
from mmvae.reporting.comparing import importance, parallel_coordinates
from mmvae.reporting.comparing.comparison import SEED, Comparison, Target, compare, short
from mmvae.reporting.curves import COLOURS, Line, Panel, png
from mmvae.reporting.runs import Run, finite
from mmvae.reporting.samples import Picture
from mmvae.runs.writers.console import duration

_OVERLAID = (
    "loss_total",
    "image_mse",
    "loss_caption",
    "caption_accuracy",
    "loss_caption_from_image",
    "caption_z_gap",
    "latent_kl",
    "loss_alignment",
    "loss_prior",
)
_GRIDS = ("reconstruction", "caption_to_image", "generated")


class Row(NamedTuple):
    """A run of the table of runs."""

    run: Run
    fields: pd.Series
    results: list[tuple[str, bool]]  # a target's text, and whether it is the best of all
    cost: list[tuple[str, str]]  # what, and its text


class SettingRow(NamedTuple):
    """A setting of the table of settings: mean and deviation of each target, as text."""

    label: str
    runs: int
    results: list[str]


def write(runs: Sequence[Run], out: str | Path) -> None:
    """Write the comparison of at least two runs to a .html or .md file.

    Raises:
        UserError: another ending, or a folder that does not exist.
    """
    document.write(out, "comparison", content(compare(runs)), _pictures)


def content(comparison: Comparison) -> dict[str, Any]:
    """Everything that the templates show."""
    effects = importance.effects(comparison)
    colours = {s: COLOURS[i % len(COLOURS)] for i, s in enumerate(comparison.settings)}
    return {
        "comparison": comparison,
        "names": {field: short(field, comparison.fields) for field in comparison.fields},
        "runs": _runs(comparison),
        "settings": _settings(comparison),
        "colours": colours,
        "panels": _panels(comparison, colours),
        "grids": _grids(comparison),
        "effects": effects,
        "correlations": importance.correlations(comparison),
        "forests": importance.forests(comparison),
        "conclusions": importance.conclusions(comparison, effects),
        "parallel": parallel_coordinates,
    }


def _runs(comparison: Comparison) -> list[Row]:
    best = {t.metric: t.best(comparison.table[t.metric]) for t in comparison.targets}
    rows = []
    for run, (_, fields) in zip(comparison.runs, comparison.table.iterrows(), strict=True):
        results = [
            (f"{fields[t.metric]:{t.form}}", fields[t.metric] == best[t.metric])
            for t in comparison.targets
        ]
        rows.append(Row(run, fields, results, _cost(run)))
    return rows


def _cost(run: Run) -> list[tuple[str, str]]:
    """Time, speed, computation."""
    speed = finite(run.series("system/images_per_second"))
    flops = run.facts.get("step_flops")
    known = flops and flops == flops
    return [
        ("time", duration(run.seconds)),
        ("epochs", f"{run.epochs_done:.3g}"),
        ("steps", f"{run.last_step:,}"),
        ("img/s", f"{speed.median():,.0f}" if len(speed) else ""),
        ("TFLOP", f"{flops * run.last_step / 1e12:,.3g}" if known else ""),
    ]


def _settings(comparison: Comparison) -> list[SettingRow]:
    """Best first, by the first target."""
    groups = list(comparison.table.groupby("setting", sort=False))
    for target in comparison.targets[:1]:
        sign = 1 if target.less else -1
        groups.sort(key=lambda group: sign * group[1][target.metric].mean())
    return [
        SettingRow(label, len(rows), [_mean(rows[t.metric], t) for t in comparison.targets])
        for label, rows in groups
    ]


def _mean(values: pd.Series, target: Target) -> str:
    """Mean over seeds and deviation between them."""
    spread = f" ± {values.std():{target.form.lstrip('+')}}" if len(values) > 1 else ""
    return f"{values.mean():{target.form}}{spread}"


def _panels(comparison: Comparison, colours: dict[str, str]) -> list[Panel]:
    """Validation curves of every run over each other, by epoch; seeds share a colour."""
    panels = []
    for metric in _OVERLAID:
        lines = []
        for run, setting in zip(comparison.runs, comparison.table["setting"], strict=True):
            values = finite(run.series(f"val/{metric}"))
            values.index = values.index.astype(float) / (run.steps_per_epoch or 1)
            if len(values):
                lines.append(Line(run.name, values, colours[setting], marker="."))
        if lines:
            panels.append(Panel(f"val/{metric}", lines, across="epoch"))
    return panels


def _grids(comparison: Comparison) -> list[tuple[str, list[tuple[str, Picture]]]]:
    """[(name, [(run's label, Picture)])] of the newest samples, side by side."""
    labels = [
        f"{row['setting']}, seed {row[SEED]}" if comparison.seeds else row["setting"]
        for _, row in comparison.table.iterrows()
    ]
    grids = []
    for name in _GRIDS:
        newest = [samples.last_grid(run, name) for run in comparison.runs]
        pictures = [pair for pair in zip(labels, newest, strict=True) if pair[1]]
        if pictures:
            grids.append((name, pictures))
    return grids


def _pictures(page: dict[str, Any]) -> dict[str, bytes]:
    """{title: PNG} of the charts and of the newest samples."""
    charts = {panel.title: png(panel) for panel in page["panels"]}
    charts["parallel"] = parallel_coordinates.png(page["comparison"])
    return charts | {
        f"{name}: {label}": picture.path.read_bytes()
        for name, pictures in page["grids"]
        for label, picture in pictures
    }
