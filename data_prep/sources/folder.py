"""A folder of pictures with a table of captions, or with a text file each."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import tables
from data_prep.sources.pair import Pair, inside, printable
from data_prep.stages.images import SUFFIXES
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """DIR with a table of captions or `.txt` sidecars, or the path of the table itself.

    Raises:
        UserError: neither is there, or the table cannot be read.
    """
    root = Path(place)
    if root.is_file() and root.suffix in tables.SUFFIXES:
        return _from_table(root, options)
    if not root.is_dir():
        raise UserError(f"folder:{place} is not a folder; give one with pictures and captions")
    for name in ("captions", "metadata"):
        for suffix in tables.SUFFIXES:
            if (root / (name + suffix)).is_file():
                return _from_table(root / (name + suffix), options)
    return _from_sidecars(root)


def _from_table(path, options):
    wanted = [options.image_column, options.caption_column]
    if options.group_column != "group":  # a name that the user typed must be there
        wanted.append(options.group_column)
    for row in tables.read(path, wanted):
        yield Pair(
            picture=row[options.image_column],
            image=inside(path.parent, row[options.image_column]),
            caption=row.get(options.caption_column, ""),
            group=row.get(options.group_column, ""),
            split=row.get("split", ""),
        )


def _from_sidecars(root):
    found = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(
            f"folder:{root} has no pictures and no captions.csv; it needs captions.csv (or .tsv, "
            f".jsonl) with columns image, caption, or pictures with a .txt file each"
        )
    for path in found:
        sidecar = path.with_suffix(".txt")
        caption = sidecar.read_bytes().decode(errors="replace") if sidecar.is_file() else ""
        yield Pair(picture=printable(path.relative_to(root)), image=path, caption=caption)
