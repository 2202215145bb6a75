"""Reading tables of captions: CSV, TSV and JSON lines."""

import csv
import json
from pathlib import Path

from mmvae.errors import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl")
_MAX_FIELD = 1_000_000  # characters of one cell; more is a broken quote, not a caption


def read(path, required):
    """Rows of a table: list of {column: text}; cells that are absent are "".

    Args:
        path: a `.csv`, `.tsv` or `.jsonl` file in UTF-8.
        required: columns that must be there.

    Raises:
        UserError: the file is unreadable, empty, or lacks a required column (lists those found).
    """
    path = Path(path)
    try:
        rows = _json_lines(path) if path.suffix == ".jsonl" else _separated(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except (OSError, csv.Error, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error
    if not rows:
        raise UserError(f"{path} has no rows; it needs columns {', '.join(required)}")
    found = sorted({str(column) for row in rows for column in row if column})
    missing = [column for column in required if column not in found]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}; it has: {', '.join(found)}; "
            f"name yours: --image-column NAME --caption-column NAME --group-column NAME"
        )
    return [dict.fromkeys(found, "") | row for row in rows]


def _separated(path):
    csv.field_size_limit(_MAX_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        return [{name: text or "" for name, text in row.items() if name} for row in rows]


def _json_lines(path):
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} must hold one JSON object a line")
    return [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
