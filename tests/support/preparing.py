"""What tests of data preparation share: files of a source, and what a source makes of them."""

from argparse import Namespace
from pathlib import Path

from data_prep.output.ledger import Ledger
from data_prep.sources import specs
from data_prep.sources.pair import Pair

DEFAULTS = {
    "image_column": "image",
    "caption_column": "caption",
    "group_column": "group",
    "lines": "text",
    "image_size": 32,
    "seed": 0,
    "num_pairs": 3,
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
