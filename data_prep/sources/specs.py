"""Sources by name: "kind:place". A new one is a file beside this one, and a row in SOURCES.

A source takes (place, options) and yields raw Pairs: nothing cleaned, nothing left out.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace

from data_prep.sources import catalogue, coco, folder, gutenberg, sprites
from data_prep.sources.pair import Pair
from mmvae.errors import UserError


def read(specs: Sequence[str], options: Namespace) -> Iterator[Pair]:
    """All pairs of all sources, in a fixed order, each with its own id.

    Args:
        specs: list of "kind:place".
        options: the command's options (column names, image size, seed, number of sprites).

    Raises:
        UserError: an unknown kind, or what the source itself finds wrong.
    """
    seen = {}
    for number, spec in enumerate(specs, 1):
        kind, _, place = spec.partition(":")
        if kind not in SOURCES or not place:
            raise UserError(f"--source {spec} is not known; type one of: {', '.join(usage())}")
        for pair in SOURCES[kind][1](place, options):
            name = f"{number}/{pair.picture}" if len(specs) > 1 else pair.picture
            seen[name] = seen.get(name, 0) + 1
            unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
            yield replace(pair, picture=name, id=unique)


def usage() -> list[str]:
    """Every kind of source as it is typed."""
    return [f"{kind}:{place}" for kind, (place, _) in SOURCES.items()]


SOURCES = {  # kind: (what stands after the colon, the function that reads it)
    "folder": ("DIR", folder.read),
    "coco": ("ANNOTATIONS.json,IMAGES", coco.read),
    "tfds": ("NAME", catalogue.read),
    "gutenberg": ("DIR_OR_ZIP_OR_NUMBER", gutenberg.read),
    "sprites": ("LEVEL", sprites.read),
}
