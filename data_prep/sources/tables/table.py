"""Tables of captions: text in columns, JSON lines and Parquet, as rows of named cells."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.sources import text
from data_prep.sources.inventory import suffix
from data_prep.sources.tables import separated
from mmvae.errors import UserError

NAMES = ("captions", "metadata")  # tables that a folder is looked through for
Wanted = Sequence[Sequence[str]]  # possible names of the picture's column, of the caption's, ...


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        place: where it stands, such as "line 7".
        cells: {column: text, or what JSON and Parquet hold}.
        fault: why it cannot be read, "" where it can.
    """

    place: str
    cells: dict[str, Any]
    fault: str = ""


@dataclass(frozen=True)
class Table:
    """A table: the names of its columns, its rows, and what was made out about it."""

    columns: Sequence[str]
    rows: Iterable[Row]
    notes: Sequence[str] = ()


def is_table(name: str) -> bool:
    """Whether a file is a table by its suffix."""
    return suffix(name) in READERS


def read(path: Path, wanted: Wanted) -> Table:
    """The table in a file.

    Args:
        path: a file whose suffix READERS has; `.txt` is read as `.csv`.
        wanted: for each column that is needed its possible names.

    Raises:
        UserError: the file is unreadable, empty, or lacks a column.
    """
    table = READERS.get(suffix(path.name), _separated)(path, wanted)
    missing = [each[0] for each in wanted if not set(each) & set(table.columns)]
    twice = [name for each in wanted for name in each if list(table.columns).count(name) > 1]
    if twice:
        raise UserError(f"{path} has the column {twice[0]} twice; give one of them another name")
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}; it has: "
            f"{', '.join(sorted(name for name in table.columns if name))}; "
            f"name yours: --image-column NAME --caption-column NAME --group-column NAME"
        )
    return table


def column(table: Table, possible: Sequence[str]) -> str:
    """The name under which a table has a column, "" where it has none."""
    return next((name for name in possible if name in table.columns), "")


def _separated(path: Path, wanted: Wanted) -> Table:
    content = text.read(path)
    columns = separated.read(content, wanted, suffix(path.name) == ".tsv")
    first = content.lstrip().split("\n")[0]
    if not all(set(each) & set(columns.names) for each in wanted):
        header = separated.header_for(first, wanted)
        if header:
            raise UserError(
                f"{path} begins with data ({first.strip()[:60]}); put a first line that names the "
                f"columns above it: {header}"
            )
    if not columns.rows:
        raise UserError(f"{path} has no rows; it needs columns {_needed(wanted)}")
    return Table(columns.names, [_row(columns.names, row) for row in columns.rows], columns.notes)


def _row(names: Sequence[str], row: separated.Cells) -> Row:
    cells = dict(zip(names, row.cells, strict=True))
    return Row(f"line {row.line}", cells, row.fault)


def _json_lines(path: Path, wanted: Wanted) -> Table:
    rows, columns = [], {}
    for number, line in enumerate(text.read(path).split("\n"), 1):
        if line.strip():
            cells = _json_object(path, number, line)
            rows.append(Row(f"line {number}", cells))
            columns |= dict.fromkeys(cells)
    if not rows:
        raise UserError(f"{path} has no rows; it needs columns {_needed(wanted)}")
    return Table(list(columns), rows)


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        cells = text.parse_json(line)
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON lines: line {number}: {error}") from error
    if not isinstance(cells, dict):
        raise UserError(f"{path} must hold one JSON object a line; line {number} holds another")
    return cells


def _parquet(path: Path, wanted: Wanted) -> Table:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}") from error
    return Table(file.schema_arrow.names, _parquet_rows(path, file))


def _parquet_rows(path: Path, file: Any) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=256):
            for cells in batch.to_pylist():
                number += 1
                yield Row(f"row {number}", cells)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged after row {number}: {error}") from error


def _needed(wanted: Wanted) -> str:
    return ", ".join(each[0] for each in wanted)


READERS = {
    ".csv": _separated,
    ".tsv": _separated,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
