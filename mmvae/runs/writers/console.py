"""The terminal: one progress line, one table row per epoch."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TextIO

from mmvae.runs.writers.base import Writer

# Heading, name of the value, width, format. With the time and a star a row fills 80 columns.
_COLUMNS = (
    ("epoch", "epoch", 5, "d"),
    ("step", "step", 7, ",d"),
    ("train", "train/loss_total", 7, ".4g"),
    ("val", "val/loss_total", 7, ".4g"),
    ("mse", "val/image_mse", 6, ".4f"),
    ("acc", "val/caption_accuracy", 6, ".1%"),
    ("ppl", "val/caption_perplexity", 6, ".4g"),
    ("kl", "val/latent_kl", 6, ".4g"),
    ("z gap", "val/caption_z_gap", 6, "+.3f"),
    ("img/s", "system/images_per_second", 6, ",.0f"),
)
_HEADER_EVERY = 20
_BAR = 16


class ConsoleWriter(Writer):
    """Shows a run on `stream`: in place on a terminal, as plain lines in a file.

    Args:
        stream: a text stream; standard output when None.
        every_seconds: least time between two progress lines when `stream` is no terminal.
        now: a function that returns seconds.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        every_seconds: float = 30,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._every = every_seconds
        self._now = now
        self._start = now()
        self._last_line = -float("inf")
        self._end_told = False
        self._rows = 0

    def progress(
        self,
        step: int,
        total: int,
        values: Mapping[str, float],
        images_per_second: float | None = None,
        eta_seconds: float | None = None,
    ) -> None:
        """Show that `step` of `total` is done, with `values` {short name: float} behind it."""
        due = self._now() - self._last_line >= self._every or step == total
        if not self._terminal and not due:
            return
        self._last_line = self._now()
        if eta_seconds is not None and not self._end_told:
            self._tell_end(eta_seconds)
        share = self._bar(step / total) if self._terminal else f"{step / total:4.0%}"
        parts = [share, f"step {step:,}/{total:,}"]
        if eta_seconds is not None:
            parts.append(f"ETA {duration(eta_seconds)}")
        if images_per_second is not None:
            parts.append(f"{images_per_second:,.0f} img/s")
        # The values come last: they are what a narrow terminal cuts off.
        parts += [f"{name} {value:.4g}" for name, value in values.items()]
        self._show("  ".join(parts))

    def epoch_row(self, values: Mapping[str, float], is_best: bool) -> None:
        """Add the row of an epoch to the table; a star marks the best validation so far.

        Args:
            values: {"epoch", "step", "train/...", "val/...", "system/..."}; a missing one is "-".
        """
        if self._rows % _HEADER_EVERY == 0:
            header = " ".join(f"{head:>{width}}" for head, _, width, _ in _COLUMNS)
            self.note(self._style(f"{header} {'time':>7}", "1"))
        self._rows += 1
        cells = [_cell(values.get(name), width, form) for _, name, width, form in _COLUMNS]
        cells.append(f"{duration(self._now() - self._start):>7}")
        row = " ".join(cells)
        self.note(self._style(f"{row}*", "32") if is_best else row)

    def note(self, line: str) -> None:
        """Print a line above the progress line."""
        self._clear()
        self._put(line + "\n")

    def close(self) -> None:
        """Remove the progress line."""
        self._clear()

    def _tell_end(self, eta_seconds):
        """The expected end, once: known only when the first steps were timed."""
        end = datetime.now() + timedelta(seconds=eta_seconds)
        self.note(f"end         expected {end:%a %H:%M}, evaluations not counted")
        self._end_told = True

    def _show(self, line):
        if not self._terminal:
            self.note(line)
            return
        self._clear()
        width = shutil.get_terminal_size().columns - 1  # a full line would wrap
        self._put(line[:width])

    def _clear(self):
        if self._terminal:
            self._put("\r\x1b[K")

    def _put(self, text):
        with contextlib.suppress(OSError):  # a closed terminal must not stop the training
            self._stream.write(text)
            self._stream.flush()

    def _style(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self._terminal else text

    def _bar(self, share):
        utf8 = "utf" in (self._stream.encoding or "").lower()
        full, empty = "━╌" if utf8 else "=."
        done = round(_BAR * share)
        return f"{full * done}{empty * (_BAR - done)} {share:4.0%}"


def duration(seconds: float) -> str:
    """Seconds as "1:02:03" or "2:03"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _cell(value, width, form):
    if value is None:
        return "-".rjust(width)
    return f"{int(value) if form.endswith('d') else value:{form}}".rjust(width)
