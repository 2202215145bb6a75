"""Every metric of some runs as CSV, long or wide."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mmvae.files import whole
from mmvae.reporting.runs import Run

_KEYS = ["run", "step", "epoch", "time"]


def write(runs: Sequence[Run], path: str, layout: str) -> None:
    """Write the rows of runs to a CSV file.

    Args:
        layout: "long": run, step, epoch, time, metric, value; "wide": a column for each metric.
    """
    table = pd.concat([wide(run) for run in runs], ignore_index=True)
    if layout == "long":
        keys = [key for key in _KEYS if key in table]
        table = table.melt(keys, var_name="metric", value_name="value").dropna(subset="value")
        table = table.sort_values(["run", "metric", "step"], kind="stable")
    # Opened here: pandas has words of its own for a folder that is not there.
    with whole(Path(path)) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table.to_csv(file, index=False)


def wide(run: Run) -> pd.DataFrame:
    """The rows of a run: one row for each step, a column for each metric."""
    rows = run.rows.drop(columns="_nan").groupby("step", as_index=False).last()
    rows.insert(0, "run", run.name)
    first = [key for key in _KEYS if key in rows]
    return rows[first + sorted(set(rows) - set(first))]
