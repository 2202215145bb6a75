"""Parquet files of pictures and captions, as Hugging Face and img2dataset write them.

A picture is a column of bytes, of {"bytes", "path"}, or of paths; a caption a text or a list.
"""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources.inventory import Inventory, suffix
from data_prep.sources.pair import Item, of_several
from data_prep.sources.tables import rows
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Item]:
    """FILE.parquet, or a folder of them; the split is the one that a file is named after.

    Raises:
        UserError: no such file, it is damaged, or lacks the columns.
    """
    path, wanted = Path(place), rows.wanted(options)
    inventory = Inventory(path if path.is_dir() else path.parent)
    names = [path.name]
    if path.is_dir():
        names = [name for name in inventory.files if suffix(name) == ".parquet"]
    if not names or not (path.exists() and suffix(names[0]) == ".parquet"):
        raise UserError(f"parquet:{place} is no .parquet file and no folder with one")
    items = [(name, rows.of_file(name, inventory, wanted, options)) for name in names]
    yield from of_several(items, "table")
    if path.is_dir():
        yield from inventory.left()
