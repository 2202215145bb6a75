"""A folder of pictures with tables of captions, or with a text file each."""

import posixpath
import shlex
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import sidecars, titles
from data_prep.sources.inventory import Inventory, suffix
from data_prep.sources.pair import Item, Note, Pair, of_several
from data_prep.sources.tables import rows
from data_prep.sources.tables import table as tables
from data_prep.sources.tables.table import Wanted
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with tables of captions or caption files, or the path of a table itself.

    Raises:
        UserError: neither is there, or a table cannot be read.
    """
    yield from with_columns(place, options, rows.wanted(options))


def with_columns(place: str, options: Namespace, wanted: Wanted) -> Iterator[Item]:
    """A folder whose tables have other columns.

    Args:
        place: DIR, or the path of a table.
        options: the command's options.
        wanted: for each column that is needed its possible names.

    Raises:
        UserError: neither is there, or a table cannot be read.
    """
    root = Path(place)
    if root.is_file() and (tables.is_table(root.name) or suffix(root.name) == ".txt"):
        yield from rows.of_file(root.name, Inventory(root.parent), wanted, options)
    elif root.is_dir():
        yield from _folder(Inventory(root), options, wanted)
    else:
        raise UserError(
            f"folder:{place} is not a folder; give one with pictures and captions, or a table "
            f"({', '.join(tables.READERS)})"
        )


def _folder(inventory, options, wanted):
    """The root's table; without one, those of sub-folders, and caption files elsewhere."""
    captioned = seen = False
    for item in _items(inventory, options, wanted):
        captioned |= isinstance(item, Pair) and bool(item.caption)
        seen = True
        yield item
    yield from titles.read(inventory, options)
    left = list(inventory.left())
    others = [unread.name for unread in left if tables.is_table(unread.name)]
    others.sort(key=lambda name: not _has_columns(inventory.root / name, wanted))
    if not seen:
        raise UserError(_nothing(inventory.root, others))
    if not captioned and others:
        yield Note(f"no picture has a caption; {_advice(inventory.root, others)}", hint=True)
    yield from left


def _items(inventory, options, wanted):
    chosen = _tables(inventory, wanted)
    names = chosen.values()
    items = [(name, rows.of_file(name, inventory, wanted, options)) for name in names]
    yield from of_several(items, "table")
    if "" not in chosen:
        read = tuple(f"{folder}/" for folder in chosen)
        yield from sidecars.pairs(inventory, options, lambda name: not name.startswith(read))


def _tables(inventory, wanted):
    """{folder: its table}, without those of folders inside a folder that has one."""
    ranked = {}
    for name in inventory.files:
        folder, base = posixpath.split(name)
        stem, kind = posixpath.splitext(base.lower())
        if stem in tables.NAMES and kind in (*tables.READERS, ".txt"):
            rank = (kind == ".txt", tables.NAMES.index(stem), [*tables.READERS, ".txt"].index(kind))
            if kind != ".txt" or _has_columns(inventory.root / name, wanted):
                ranked.setdefault(folder, []).append((rank, name))
    chosen = {}
    for folder in sorted(ranked, key=lambda folder: folder.split("/") if folder else []):
        inner = any(folder.startswith(f"{outer}/" if outer else "") for outer in chosen)
        name = min(ranked[folder])[1]
        if not inner and not (folder and _is_foreign(inventory, folder, name, wanted)):
            chosen[folder] = name
    return chosen


def _is_foreign(inventory, folder, name, wanted):
    """Whether a table has not the columns, and pictures beside it have caption files instead."""
    if _has_columns(inventory.root / name, wanted):
        return False
    beside = [file for file in inventory.files if file.startswith(f"{folder}/")]
    return any(suffix(file) in sidecars.SUFFIXES for file in beside)


def _has_columns(path, wanted):
    try:
        tables.read(path, wanted)
    except UserError:
        return False
    return True


def _nothing(root, others):
    """What to say of a folder in which nothing is a pair."""
    if others:
        return f"folder:{root} has no pictures and no captions.csv; {_advice(root, others)}"
    return (
        f"folder:{root} has no pictures and no captions.csv; it needs captions.csv (or .tsv, "
        f".jsonl, .parquet) with columns image, caption, or pictures with a .txt file each"
    )


def _advice(root, others):
    return f"to read {others[0]}, type --source {shlex.quote(f'folder:{root / others[0]}')}"
