"""What groups are called: a table of books beside the table of captions."""

from argparse import Namespace
from collections.abc import Iterator
from posixpath import splitext

from data_prep.sources import text
from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Note, Title, printable
from data_prep.sources.tables import table as tables
from mmvae.errors import UserError

NAMES = ("books", "groups", "works")


def read(inventory: Inventory, options: Namespace) -> Iterator[Title | Note]:
    """Titles from a table at the top of a folder with the group's column and `title`.

    `author` and `work` are read where they are there. Nothing where works are not asked for.
    """
    if options.split_by != "work":
        return
    for name in inventory.files:
        stem, kind = splitext(name.lower())
        if stem in NAMES and kind in tables.READERS:
            wanted = [[options.group_column, "group", "book"], ["title"]]
            try:
                table = tables.read(inventory.root / name, wanted)
                yield from _titles(table, tables.column(table, wanted[0]))
                inventory.take(name)
            except UserError as error:
                yield Note(f"no titles are read: {error}", printable(name))


def _titles(table, group):
    for row in table.rows:
        if row.fault:
            continue
        cells = [row.cells.get(name, "") for name in (group, "title", "author", "work")]
        yield Title(*(text.scalar(cell) for cell in cells))
