"""metrics.jsonl, the source of truth of a run, and metrics.csv, the same as one wide table."""

import csv
import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmvae.errors import UserError
from mmvae.files import whole, write_whole
from mmvae.runs.directory import METRICS, METRICS_TABLE
from mmvae.runs.writers.base import Writer

# JSON has no word for these; strict readers get strings, `read_rows` gives floats back.
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NOT_METRICS = ("step", "epoch", "time")


class JsonlWriter(Writer):
    """Appends {"step", "time" (Unix seconds), **values} to `workdir`/metrics.jsonl.

    A run that resumes from the checkpoint of `resume_step` continues the file: rows after
    that step are removed, since they will be written again. `resume_step` None starts anew.
    `metrics.csv` follows after each row that has "val/" values, and at the end.
    """

    keep_on_failure = True

    def __init__(
        self,
        workdir: str | Path,
        resume_step: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(workdir) / METRICS
        self._now = now
        self._unwritten = b""
        self._size = _start_file(self.path, resume_step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row."""
        row = {"step": int(step), "time": self._now()} | values
        self._unwritten += (json.dumps(_encode(row), allow_nan=False) + "\n").encode()
        self._write()
        if any(name.startswith("val/") for name in values):
            write_csv(self.path)

    def close(self) -> None:
        """Write what could not be written before, and the table."""
        self._write()
        write_csv(self.path)

    def _write(self):
        """Write all rows still in memory; after a full disk, over what was half written."""
        with self.path.open("r+b") as file:
            file.seek(self._size)
            file.truncate()
            file.write(self._unwritten)
        self._size += len(self._unwritten)
        self._unwritten = b""


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Rows of a metrics.jsonl: list of dicts; a half-written last line is left out.

    Raises:
        UserError: a line before the last is no row (named by number).
    """
    path = Path(path)
    return [row for row, _ in _parse_lines(path)]


def write_csv(jsonl_path: str | Path) -> None:
    """Write metrics.csv next to a metrics.jsonl: one row per step, the union of the columns."""
    steps = {}
    for row in read_rows(jsonl_path):
        steps.setdefault(row["step"], {}).update(row)
    names = {name for row in steps.values() for name in row}
    columns = [c for c in _NOT_METRICS if c in names] + sorted(names.difference(_NOT_METRICS))
    with whole(Path(jsonl_path).with_name(METRICS_TABLE)) as partial:
        with partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(_encode(steps[step]) for step in sorted(steps))


def _start_file(path, resume_step):
    """Size in bytes of the file after it was made ready for the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = b""
    if resume_step is not None and path.exists():
        kept = b"".join(line for row, line in _parse_lines(path) if row["step"] <= resume_step)
    write_whole(path, kept)
    return len(kept)


def _parse_lines(path):
    """(row, line as stored) of every whole line."""
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    pairs = []
    for number, line in enumerate(lines, 1):
        try:
            pairs.append((_decode(json.loads(line)), line))
        except ValueError as error:
            raise UserError(
                f"{path} line {number} is damaged ({error}); remove that line, or train the run "
                f"again."
            ) from error
    return pairs


def _encode(row):
    return {name: _encode_value(value) for name, value in row.items()}


def _encode_value(value):
    if isinstance(value, int | str):
        return value
    value = float(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _decode(row):
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise ValueError("no row with a step: is it of another program?")
    return {name: _NON_FINITE.get(value, value) for name, value in row.items()}
