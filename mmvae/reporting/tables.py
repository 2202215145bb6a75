"""Every metric of some runs as CSV, long or wide."""

from collections.abc import Sequence

import pandas as pd

from mmvae.errors import UserError
from mmvae.reporting.runs import Run

_KEYS = ["run", "step", "epoch", "time"]


def write(runs: Sequence[Run], path: str, layout: str) -> None:
    """Write the rows of runs to a CSV file.

    Args:
        layout: "long": run, step, epoch, time, metric, value; "wide": a column for each metric.

    Raises:
        UserError: the file cannot be written.
    """
    table = pd.concat([wide(run) for run in runs], ignore_index=True)
    if layout == "long":
        keys = [key for key in _KEYS if key in table]
        table = table.melt(keys, var_name="metric", value_name="value").dropna(subset="value")
        table = table.sort_values(["run", "metric", "step"], kind="stable")
    try:
        table.to_csv(path, index=False)
    except OSError as error:
        raise UserError(
            f"--csv {path} cannot be written ({error.strerror}); give another."
        ) from error


def wide(run: Run) -> pd.DataFrame:
    """The rows of a run: one row for each step, a column for each metric."""
    rows = run.rows.drop(columns="_nan").groupby("step", as_index=False).last()
    rows.insert(0, "run", run.name)
    first = [key for key in _KEYS if key in rows]
    return rows[first + sorted(set(rows) - set(first))]
