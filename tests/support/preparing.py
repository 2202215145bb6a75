"""What tests of data preparation share: files of a source, what a source and what the command
make of them."""

import csv
import json
import shlex
from argparse import Namespace
from pathlib import Path

from data_prep import prepare
from data_prep.output.ledger import Ledger
from data_prep.sources import specs
from data_prep.sources.pair import Pair
from mmvae.data import records
from support.drawings import drawing, to_bytes

QUICK = "--image-size 32 --vocab-size 400 --val-fraction 0.2 --test-fraction 0 --workers 1"
WORDS = ("ship", "horse", "tower", "bird", "lion", "tree", "king", "river")
DEFAULTS = {
    "image_column": "image",
    "caption_column": "caption",
    "group_column": "group",
    "attribute_columns": [],
    "groups": [],
    "without_groups": [],
    "lines": "text",
    "image_size": 32,
    "seed": 0,
    "num_pairs": 3,
    "keep_prose": False,
    "split_by": "group",
}


def with_defaults(**options) -> Namespace:
    """The command's options as a source sees them."""
    return Namespace(**(DEFAULTS | options))


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """Writes a file, text as UTF-8, and the folders it is in."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def account(*sources: str, **options) -> tuple[list[Pair], Ledger]:
    """The pairs of sources, and the ledger of all else."""
    ledger = Ledger()
    return list(ledger.pairs(specs.read(sources, with_defaults(**options)))), ledger


def read(*sources: str, **options) -> list[Pair]:
    """The pairs of sources."""
    return account(*sources, **options)[0]


def captions(pairs: list[Pair]) -> dict[str, str]:
    """{id: raw caption} of pairs."""
    return {pair.id: pair.caption for pair in pairs}


def pictures(folder: Path, *names: str, first: int = 0, kind: str = "PNG"):
    """Files that no other resembles; the kind is what they are, whatever their suffix."""
    for number, name in enumerate(names, first):
        put(folder, name, to_bytes(drawing(number, 40, 40), kind))


def told(number: int) -> str:
    return f"the {WORDS[number % 8]} beside the {WORDS[number * 3 % 8]}"


def run(out: Path, *sources: str, more: str = "") -> int:
    flags = [flag for source in sources for flag in ("--source", source)]
    return prepare.main([*QUICK.split(), *flags, "--out", str(out), *shlex.split(more)])


def card(out: Path) -> dict:
    return json.loads((out / "card.json").read_text(encoding="utf-8"))


def stored_captions(out: Path) -> dict[str, str]:
    """{id: caption} of all that is stored."""
    return {id_: caption for id_, (caption, _) in stored(out).items()}


def stored(out: Path) -> dict[str, tuple[str, str]]:
    """{id: (caption, split)} of all that is stored."""
    return {
        id_: (caption, split)
        for split in card(out)["counts"]["splits"]
        for rows in [records.read(out, split)]
        for id_, caption in zip(rows.ids, rows.captions, strict=True)
    }


def rejected(out: Path) -> dict[str, str]:
    """{id: reason} of rejected.csv."""
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def table(rows: list[tuple]) -> str:
    """captions.csv of (number of the picture, caption, group, split)."""
    lines = ["image,caption,group,split", *(f"{i}.png,{c},{g},{s}" for i, c, g, s in rows)]
    return "\n".join(lines)
