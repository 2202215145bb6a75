"""A run in the terminal: verdicts, and a live view with sparklines."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmvae.reporting import runs
from mmvae.reporting.questions import five
from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, LOOK, WRONG, Verdict
from mmvae.runs.writers.console import duration

_STYLES = {GOOD: "green", LOOK: "yellow", WRONG: "bold red"}
_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = ".:-=+*#@"
_WIDTH = 30  # characters of a sparkline
_SHOWN = (
    ("train/loss_total", ".4g"),
    ("val/loss_total", ".4g"),
    ("val/image_mse", ".4f"),
    ("val/caption_accuracy", ".1%"),
    ("val/caption_z_gap", "+.3f"),
    ("val/latent_kl", ".1f"),
    ("train/grad_norm", ".3g"),
    ("train/update_ratio", ".1e"),
    ("system/images_per_second", ",.0f"),
    ("system/data_wait_percent", ".1f"),
)


def verdict_table(verdicts: Iterable[Verdict]) -> Table:
    """A table of verdicts: level, question, answer."""
    table = Table.grid(padding=(0, 2))
    for verdict in verdicts:
        level = Text(verdict.level, style=_STYLES.get(verdict.level, "dim"))
        table.add_row(level, Text.assemble((verdict.question, "bold"), " ", verdict.answer))
    return table


def show(verdicts: Iterable[Verdict]) -> None:
    """Print verdicts on standard output."""
    Console(highlight=False).print(verdict_table(verdicts))


def sparkline(
    values: Sequence[float] | pd.Series, width: int = _WIDTH, blocks: str = _BLOCKS
) -> str:
    """Values as a line of blocks, the newest last; bins of equal numbers of values."""
    values = np.asarray(values, float)
    if not len(values):
        return ""
    bins = np.array_split(values, min(width, len(values)))
    means = np.array([part.mean() for part in bins])
    low, high = means.min(), means.max()
    scaled = (means - low) / (high - low) if high > low else np.zeros_like(means)
    return "".join(blocks[round(float(x) * (len(blocks) - 1))] for x in scaled)


def view(run: Run, utf8: bool = True) -> Group:
    """The live view of a run: progress, a line for each metric, the five verdicts."""
    done = run.last_step / run.total_steps if run.total_steps else 0.0
    left = run.seconds * (1 / done - 1) if 0 < done < 1 else 0
    head = f"{run.name}  epoch {run.epochs_done:.2f} of {run.config.get('train.epochs', '?')}"
    head += f"  {done:.0%}  {duration(run.seconds)}"
    head += f"  about {duration(left)} left" if left else ""
    table = Table.grid(padding=(0, 2))
    for name, form in _SHOWN:
        values = finite(run.series(name))
        if len(values):
            line = sparkline(values, blocks=_BLOCKS if utf8 else _PLAIN)
            latest, best = values.iloc[-1], run.best_step
            at_best = format(values[best], form) if name[:3] == "val" and best in values else ""
            table.add_row(name, format(latest, form), line, at_best and f"best {at_best}")
    return Group(Text(head, style="bold"), Text(), table, Text(), verdict_table(five(run)))


def watch(path: str | Path, every_seconds: float, console: Console | None = None) -> None:
    """Show a run until it is finished; off a terminal, once.

    Raises:
        UserError: the directory is no run. One without metrics yet is waited for.
    """
    console = console or Console(highlight=False)
    utf8 = "utf" in console.encoding.lower()
    if not console.is_terminal:
        console.print(view(runs.load(path), utf8))
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            run = _loaded(path, live)
            if run is not None:
                live.update(view(run, utf8), refresh=True)
                if run.finished or run.diverged:
                    return
            time.sleep(every_seconds)


def _loaded(path: str | Path, live: Live) -> Run | None:
    """The Run, or None while it has no metrics yet."""
    try:
        return runs.load(path)
    except runs.NoMetrics:
        live.update(Text(f"Waiting for the first row of {path} ..."), refresh=True)
        return None
