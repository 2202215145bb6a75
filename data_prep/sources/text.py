"""Text as others write it: files in UTF-8 or UTF-16, JSON, and values that hold captions."""

import ast
import codecs
import json
import math
import re
from pathlib import Path
from typing import Any

from mmvae.errors import UserError

MAX_CAPTION = 1_000_000  # characters; more is a broken quote or another file, not a caption


def decode(content: bytes) -> str:
    """Text of a file in UTF-8, with or without its mark, or in UTF-16 with its mark.

    Raises:
        ValueError: it is neither; the message says why.
    """
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not {error.encoding.upper()}") from error
    if "\0" in text:
        raise ValueError("it holds zero bytes, as UTF-16 without its mark does")
    return text


def read(path: Path) -> str:
    """Text of a file that a source cannot do without.

    Raises:
        UserError: it cannot be read, or its encoding is not known.
    """
    try:
        return decode(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}; save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        UserError: it cannot be read, or is not JSON.
    """
    try:
        return parse_json(read(path))
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error


def parse_json(text: str) -> Any:
    """Value of a JSON text; NaN and Infinity, which are no JSON, count as null.

    Raises:
        ValueError: it is not JSON, nested too deep, or gives an object two values of a name.
    """
    try:
        return json.loads(text, parse_constant=lambda _: None, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _object(pairs):
    """The dict of a JSON object, of which no value is lost."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)} is there twice")
    return values


def scalar(value: Any) -> str:
    """One value of a table or of JSON as text, "" for null.

    Raises:
        ValueError: it is a list or an object; the message says which.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, dict):
        raise ValueError("an object, not a text")
    if isinstance(value, list):
        raise ValueError("a list, not a text")
    return str(value)


def _decoded(content):
    try:
        return decode(content)
    except ValueError as error:
        raise ValueError("bytes that are no UTF-8 text") from error


def captions(value: Any) -> list[str]:
    """The captions in a value: one text, or a list of texts; "" where there is none.

    Raises:
        ValueError: it holds an object or a list of lists; the message says which.
    """
    return [scalar(text) for text in value] or [""] if isinstance(value, list) else [scalar(value)]


def listed(cell: str) -> list[str] | str:
    """The texts of a table's cell that spells a list of texts, as JSON or as Python does.

    Any other cell is itself, brackets or not.

    Raises:
        ValueError: it spells a JSON object.
    """
    for opening, parse in (("[", parse_json), ("[", ast.literal_eval), ("{", parse_json)):
        if cell.startswith(opening):
            try:
                value = parse(cell)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(value, dict) or (value and all(isinstance(one, str) for one in value)):
                return value if isinstance(value, list) else scalar(value)
    return cell


def lines(text: str, each: bool) -> list[str]:
    """The captions of a caption file: each line one of them, or all of its text one."""
    parts = [line for line in re.split(r"[\r\n]+", text) if line.strip()] if each else [text]
    return parts or [""]
