"""Where a run's results go: terminal, files, Weights & Biases."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mmvae.runs.writers.base import Pictures, Vectors, Writer
from mmvae.runs.writers.console import ConsoleWriter
from mmvae.runs.writers.files import FileWriter
from mmvae.runs.writers.jsonl import JsonlWriter, read_rows
from mmvae.runs.writers.wandb_writer import start_wandb

__all__ = [
    "ConsoleWriter",
    "FileWriter",
    "JsonlWriter",
    "Writer",
    "Writers",
    "read_rows",
    "start_wandb",
]


def _to_stderr(line):
    print(line, file=sys.stderr, flush=True)


class Writers(Writer):
    """Passes everything on to many writers; no failure of theirs stops the training.

    A failure is reported in one line through `report(line)`. A writer with `keep_on_failure`
    is called again next time and reported again only after it has worked in between; any
    other is switched off.
    """

    def __init__(
        self, writers: Iterable[Writer], report: Callable[[str], None] = _to_stderr
    ) -> None:
        self._active = list(writers)
        self._failing = set()
        self._report = report

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Pass on a row of numbers."""
        self._each("scalars", step, values)

    def histograms(self, step: int, values: Vectors) -> None:
        """Pass on distributions."""
        self._each("histograms", step, values)

    def images(self, step: int, pictures: Pictures) -> None:
        """Pass on pictures."""
        self._each("images", step, pictures)

    def table(
        self, step: int, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Pass on a table."""
        self._each("table", step, name, columns, rows)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Pass on what describes the whole run."""
        self._each("summary", values)

    def close(self) -> None:
        """Finish all of them."""
        self._each("close")
        self._active = []

    def _each(self, method, *args):
        for writer in tuple(self._active):
            try:
                getattr(writer, method)(*args)
            except Exception as error:
                self._failed(writer, error)
            else:
                self._failing.discard(writer)

    def _failed(self, writer, error):
        if not writer.keep_on_failure:
            self._active.remove(writer)
        if writer in self._failing:
            return
        self._failing.add(writer)
        fate = "trying again at the next row" if writer.keep_on_failure else "switched off"
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        with contextlib.suppress(OSError):  # the terminal itself may be gone
            self._report(f"{type(writer).__name__} failed ({reason}); {fate}, training goes on.")
