"""Charts: scales, ticks, and pictures that take the page's colours."""

import io

import pandas as pd
import pytest
from PIL import Image

from mmvae.reporting.baselines import Baseline
from mmvae.reporting.curves import GRID, INK, Line, Panel, plot, png, svg


def panel(values, title="loss_total", **settings):
    series = pd.Series(values, index=range(0, 10 * len(values), 10), dtype=float)
    return Panel(title, [Line("train", series, "#3b8fd4")], **settings)


def axes(panel):
    return plot(panel, INK, GRID).axes[0]


@pytest.mark.parametrize(
    "values, title, scale",
    [
        ([1.0, 2.0, 20.0], "loss_total", "linear"),
        ([1.0, 2.0, 40.0], "loss_total", "log"),
        ([-1.0, 2.0, 40.0], "loss_total", "linear"),
        ([0.01, 0.02, 1.0], "caption_accuracy", "linear"),
    ],
)
def test_axes_are_logarithmic_where_values_span_much(values, title, scale):
    assert axes(panel(values, title)).get_yscale() == scale


@pytest.mark.parametrize("values", [[1.0, 3.0, 40.0], [1e-4, 1e-2, 10.0]])
def test_logarithmic_axes_have_ticks_that_can_be_read(values):
    chart = axes(panel(values))
    chart.figure.canvas.draw()
    low, high = chart.get_ylim()
    labels = [tick for tick in chart.get_yticks() if low <= tick <= high]
    assert 3 <= len(labels) <= 12


def test_the_best_step_the_baseline_and_epochs_are_marked():
    plain, marked = (
        axes(panel([1.0, 2.0])),
        axes(panel([1.0, 2.0], best=10, baseline=Baseline(1.5, "trivial"), steps_per_epoch=5)),
    )
    assert len(marked.lines) == len(plain.lines) + 2
    assert [text.get_text() for text in marked.texts][:2] == ["epoch 0", "1"]
    assert len(plain.texts) == 0


def test_svg_takes_the_colours_of_the_page():
    text = svg(panel([1.0, 2.0], title="a<b"))
    assert text.startswith('<svg role="img" aria-label="a&lt;b"')
    assert "currentColor" in text and "var(--grid)" in text
    assert INK not in text and GRID not in text and "<metadata" not in text


def test_the_same_panel_gives_the_same_picture():
    assert svg(panel([1.0, 2.0])) == svg(panel([1.0, 2.0]))


def test_png_is_on_white():
    with Image.open(io.BytesIO(png(panel([1.0, 2.0])))) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
