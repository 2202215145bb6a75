"""The live view of a run."""

import io

from rich.console import Console

from mmvae.reporting import terminal


def test_the_live_view_ends_with_the_run(driven):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=60)
    terminal.watch(driven / "healthy", 0.01, console)
    shown = out.getvalue()
    assert "train/loss_total" in shown and "Is it overfitting?" in shown and "▁" in shown


def test_sparklines():
    assert terminal.sparkline([0, 1, 2, 3]) == "▁▃▆█"
    assert terminal.sparkline([5, 5]) == "▁▁" and terminal.sparkline([]) == ""
    assert len(terminal.sparkline(range(1000))) == 30
