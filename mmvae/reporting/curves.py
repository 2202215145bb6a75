"""Curves as SVG that follows the page's colours, or as PNG for Markdown."""

import html
import io
import re
from dataclasses import dataclass, field

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    EngFormatter,
    FormatStrFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from mmvae.reporting.baselines import Baseline

# Stand for the page's own colours until the SVG is in the page.
INK, GRID = "#010203", "#040506"
PAPER_INK, PAPER_GRID = "#333333", "#cccccc"
# Okabe and Ito's colours, distinct for the colour-blind, that show on white and on black.
COLOURS = ("#3b8fd4", "#e08a1e", "#2fa67c", "#c95f9c", "#8a7fd6", "#b3a03c", "#d1603d", "#6d8894")
TRAIN, VAL = COLOURS[0], COLOURS[1]
_LOG_SPAN = 30  # largest value / smallest, from which on the axis is logarithmic
_FEW_DECADES = 1e3  # largest / smallest of an axis, below which 2 and 5 have ticks too
_SHARES = ("accuracy", "coherence", "percent", "clipped")
_SIZE = (4.2, 2.5)  # inches
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
}


@dataclass(frozen=True)
class Line:
    """A curve: `values` is a series by step; `faint` for the detail behind a bolder one."""

    label: str
    values: pd.Series
    colour: str
    faint: bool = False
    marker: str = ""


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        title: the metric.
        lines: over each other.
        best: the step to mark, or None.
        steps_per_epoch: for the epochs above, or None.
        across: what the horizontal axis is.
        baseline: the level of a trivial answer, or None.
    """

    title: str
    lines: list[Line] = field(default_factory=list)
    best: int | None = None
    steps_per_epoch: float | None = None
    across: str = "step"
    baseline: Baseline | None = None


def svg(panel: Panel) -> str:
    """The panel as an <svg> element; text takes the font and colour of the page."""
    return figure_svg(plot(panel, INK, GRID), panel.title)


def png(panel: Panel) -> bytes:
    """The panel as PNG bytes on white."""
    return figure_png(plot(panel, PAPER_INK, PAPER_GRID))


def figure_png(figure: Figure) -> bytes:
    """A figure as PNG bytes on white."""
    figure.set_facecolor("white")
    return render(figure, "png")


def figure_svg(figure: Figure, title: str) -> str:
    """A figure as an <svg> element that scales and follows the page's colours."""
    content = render(figure, "svg").decode()
    content = content[content.index("<svg") :]
    content = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", content, count=1)
    content = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", content, count=1)
    content = content.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)
    content = content.replace(INK, "currentColor").replace(GRID, "var(--grid)")
    return re.sub(r"font: [^;\"]*?([\d.]+)px[^;\"]*", r"font-size: \1px", content)


def render(figure: Figure, kind: str) -> bytes:
    """Bytes of a figure as "svg" or "png"; the same figure gives the same bytes."""
    out = io.BytesIO()
    title = figure.axes[0].get_title(loc="left") if figure.axes else ""
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": title}):
        figure.savefig(
            out,
            format=kind,
            transparent=kind == "svg",
            dpi=130,
            metadata={"Date": None} if kind == "svg" else None,
        )
    return out.getvalue()


def new_figure(ink: str, grid: str, size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    """An empty figure and its axes in the report's style."""
    colours = {"text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": grid}
    colours |= {"xtick.color": ink, "ytick.color": ink, "grid.color": grid}
    with matplotlib.rc_context(_STYLE | colours):
        figure = Figure(figsize=size)
        # Fixed margins: finding them took half the time of a page.
        width, height = size
        axes = figure.add_axes([0.55 / width, 0.4 / height, 1 - 0.65 / width, 1 - 0.85 / height])
        axes.grid(True, axis="y", linewidth=0.6, color=grid)
        axes.tick_params(length=2)
    return figure, axes


def plot(panel: Panel, ink: str, grid: str) -> Figure:
    """The panel as a figure."""
    colours = {"text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": grid}
    colours |= {"xtick.color": ink, "ytick.color": ink, "xtick.labelcolor": ink}
    with matplotlib.rc_context(_STYLE | colours):
        figure, axes = new_figure(ink, grid)
        for line in panel.lines:
            _plot(axes, line)
        if panel.baseline:
            axes.axhline(panel.baseline.value, color=ink, linewidth=1, linestyle=":", alpha=0.7)
        if panel.best is not None:
            axes.axvline(panel.best, color=ink, linewidth=0.8, linestyle="--", alpha=0.5)
        if _spans(panel):
            _make_logarithmic(axes)
        axes.set_title(panel.title, loc="left", color=ink, pad=14 if panel.steps_per_epoch else 6)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel(panel.across, labelpad=1)
        _epochs(axes, panel.steps_per_epoch)
    return figure


def _plot(axes: Axes, line: Line) -> None:
    steps, values = line.values.index.to_numpy(float), line.values.to_numpy(float)
    axes.plot(
        steps,
        values,
        color=line.colour,
        alpha=0.55 if line.faint else 1,
        linewidth=0.9 if line.faint else 1.6,
        marker=line.marker or (None if len(steps) > 1 else "."),
        markersize=3,
    )


def _make_logarithmic(axes: Axes) -> None:
    """A logarithmic axis of values, with a few ticks however little it spans."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high / low < _FEW_DECADES:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _epochs(axes: Axes, steps_per_epoch: float | None) -> None:
    """Write epochs above the chart; a second axis would cost a third of the time of a page."""
    if not steps_per_epoch:
        return
    low, high = (step / steps_per_epoch for step in axes.get_xlim())
    ticks = [t for t in MaxNLocator(5, integer=True).tick_values(low, high) if low <= t <= high]
    above = axes.get_xaxis_transform()
    for tick in ticks:
        words = f"epoch {tick:g}" if tick == ticks[0] else f"{tick:g}"
        axes.text(
            tick * steps_per_epoch, 1.02, words, transform=above, ha="center", fontsize=7, alpha=0.8
        )


def _spans(panel: Panel) -> bool:
    """Whether the values span so much that only a logarithmic axis shows them; never shares."""
    if any(word in panel.title for word in _SHARES):
        return False
    values = [v for line in panel.lines for v in line.values.to_numpy(float) if v == v]
    return bool(values) and min(values) > 0 and max(values) / min(values) > _LOG_SPAN
