"""Sample grids and caption tables of a run over time, small enough to embed."""

import base64
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from mmvae.reporting.runs import Run
from mmvae.runs.directory import SAMPLES

_NAME = re.compile(r"(.+)_(\d{7,})")
_MOST = 4  # steps shown
_SIDE = 900  # pixels, the longest that a grid is embedded at
_ORDER = ("reconstruction", "caption_to_image", "image_to_caption", "generated")


class Picture(NamedTuple):
    """A sample grid: when it was made, and its file."""

    step: int
    path: Path


class Captions(NamedTuple):
    """A table of captions: when it was made, its heading, its rows."""

    step: int
    columns: list[str]
    rows: list[list[str]]


def grids(run: Run) -> dict[str, list[Picture]]:
    """Sample grids by name, oldest first: the first, the last and some in between."""
    by_name = {}
    for path in sorted((run.path / SAMPLES).glob("*.png")):
        match = _NAME.fullmatch(path.stem)
        if match:
            by_name.setdefault(match[1], []).append(Picture(int(match[2]), path))
    rank = {name: place for place, name in enumerate(_ORDER)}
    names = sorted(by_name, key=lambda name: (rank.get(name, len(rank)), name))
    return {name: _spread(by_name[name]) for name in names}


def last_grid(run: Run, name: str) -> Picture | None:
    """The newest sample grid of a name, or None."""
    pictures = grids(run).get(name)
    return pictures[-1] if pictures else None


def data_uri(path: Path) -> str | None:
    """The picture as a WebP data URI, shrunk where it is large; None where it cannot be read."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except Exception:  # a decoder may raise anything on bytes that are not what they say
        return None
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=86, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def captions(run: Run) -> Captions | None:
    """The newest table of captions, damaged bytes replaced; None where there is none."""
    tables = [
        (int(match[2]), path)
        for path in (run.path / SAMPLES).glob("captions_*.csv")
        if (match := _NAME.fullmatch(path.stem))
    ]
    if not tables:
        return None
    step, path = max(tables)
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            columns, *rows = list(csv.reader(file)) or [[]]
    except (OSError, csv.Error):
        return None
    return Captions(step, columns, rows)


def _spread(pictures: list[Picture]) -> list[Picture]:
    if len(pictures) <= _MOST:
        return pictures
    places = [round(i * (len(pictures) - 1) / (_MOST - 1)) for i in range(_MOST)]
    return [pictures[i] for i in places]
