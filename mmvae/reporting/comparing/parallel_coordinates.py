"""Parallel coordinates: each run a line through its settings and results."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mmvae.reporting import curves
from mmvae.reporting.comparing.comparison import Comparison, short

# From worst to best; every shade shows on white and on black.
_COLOURS = LinearSegmentedColormap.from_list("quality", ["#d1603d", "#b3a03c", "#3b8fd4"])


def plot(comparison: Comparison, ink: str = curves.INK, grid: str = curves.GRID) -> Figure:
    """A Figure: axes for the fields, then for the targets; coloured by the first target."""
    columns = [*comparison.fields, *(target.metric for target in comparison.targets)]
    size = (max(6.0, 1.5 * len(columns)), 3.4)
    figure, axes = curves.new_figure(ink, grid, size)
    forms = {target.metric: target.form for target in comparison.targets}
    places = [_places(comparison.table[column], forms.get(column, "g")) for column in columns]
    colours = _shades(comparison)
    for row, colour in enumerate(colours):
        heights = [place[0][row] for place in places]
        axes.plot(range(len(columns)), heights, color=colour, linewidth=1.5, alpha=0.85)
    for x, (_, ticks) in enumerate(places):
        axes.axvline(x, color=grid, linewidth=1, zorder=0)
        for height, text in ticks:
            axes.text(x + 0.03, height, text, fontsize=7, va="center", color=ink)
    axes.grid(False)
    axes.set_xticks(range(len(columns)), [_heading(comparison, c) for c in columns], fontsize=8)
    axes.set_yticks([])
    axes.set_xlim(-0.1, len(columns) - 0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def svg(comparison: Comparison) -> str:
    """The figure as an <svg> element."""
    return curves.figure_svg(plot(comparison), "parallel coordinates")


def png(comparison: Comparison) -> bytes:
    """The figure as PNG bytes on white."""
    return curves.figure_png(plot(comparison, curves.PAPER_INK, curves.PAPER_GRID))


def _places(
    column: pd.Series, form: str
) -> tuple[Float[np.ndarray, " N"], list[tuple[float, str]]]:
    """(heights in [0, 1] of the rows, [(height, text)] of the ticks)."""
    if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
        values = column.to_numpy(float)
        few = np.unique(values)
        # Few values are settings: evenly spaced, they stay apart whatever their scale.
        if len(few) <= 6:
            ranks = np.searchsorted(few, values)
            heights = np.linspace(0, 1, len(few)) if len(few) > 1 else np.array([0.5])
            return heights[ranks], [(h, f"{v:{form}}") for h, v in zip(heights, few, strict=True)]
        low, high = values.min(), values.max()
        return (values - low) / (high - low), [(0, f"{low:{form}}"), (1, f"{high:{form}}")]
    codes, names = pd.factorize(column.map(str))
    heights = np.linspace(0, 1, len(names)) if len(names) > 1 else np.array([0.5])
    return heights[codes], list(zip(heights, names, strict=True))


def _shades(comparison: Comparison) -> list[Any]:
    if not comparison.targets:
        return [curves.COLOURS[0]] * len(comparison.runs)
    target = comparison.targets[0]
    ranks = comparison.table[target.metric].rank(ascending=target.less)
    return [_COLOURS(1 - (rank - 1) / max(1, len(ranks) - 1)) for rank in ranks]


def _heading(comparison: Comparison, column: str) -> str:
    words = {target.metric: target.words for target in comparison.targets}
    return words.get(column, short(column, comparison.fields))
