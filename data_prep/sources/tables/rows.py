"""Rows of a table as pairs: several captions of a picture are several pairs of it."""

import hashlib
import posixpath
from argparse import Namespace
from collections.abc import Iterator

from data_prep.sources import text
from data_prep.sources.inventory import Inventory, suffix
from data_prep.sources.pair import Item, Note, Pair, Refusal, printable
from data_prep.sources.tables.table import Row, Table, Wanted, column
from data_prep.stages import splitting
from data_prep.stages.images import Refused

MISFIT = "row does not fit the table's header"
NOT_TEXT = "cell is not a text"


def wanted(options: Namespace) -> Wanted:
    """The columns that a table must have: the picture's, the caption's, a group that was named."""
    columns = [[options.image_column], [options.caption_column]]
    return columns if options.group_column == "group" else [*columns, [options.group_column]]


def pairs(
    table: Table, name: str, inventory: Inventory, columns: Wanted, options: Namespace
) -> Iterator[Item]:
    """A pair for each caption of each row, or why the row gives none.

    Args:
        table: the table.
        name: its file in the inventory.
        inventory: the files among which its pictures are.
        columns: possible names of the picture's column and of the caption's.
        options: the command's options.
    """
    yield from (Note(note, printable(name)) for note in table.notes)
    reader = _Rows(table, name, inventory, columns, options)
    for row in table.rows:
        try:
            yield from reader.pairs(row)
        except ValueError as error:
            yield reader.refusal(row, NOT_TEXT, str(error))


class _Rows:
    """What the rows of a table have in common."""

    def __init__(self, table, name, inventory, columns, options):
        self.name, self.inventory = name, inventory
        self.folder = posixpath.dirname(name)
        self.image, self.caption = (column(table, possible) for possible in columns[:2])
        self.group = options.group_column
        self.named_split = splitting.of_file(name, inventory.root.absolute().name)
        self.spelled = suffix(name) in (".csv", ".tsv", ".txt")
        self.pictures: dict[bytes, str] = {}  # digest of bytes: name of the picture

    def pairs(self, row: Row) -> Iterator[Item]:
        if row.fault:
            yield self.refusal(row, MISFIT, row.fault)
            return
        picture, image = self._picture(row)
        captions = self._told(self.caption, self._captions, row)
        group = self._told(self.group, text.scalar, row.cells.get(self.group))
        split = self._told("split", text.scalar, row.cells.get("split"))
        named = splitting.of_folders(picture) or self.named_split
        for caption in captions:
            yield Pair(picture, image, caption, group, split, named_split=named)

    def refusal(self, row: Row, reason: str, detail: str) -> Refusal:
        """A row of `rejected.csv` for a row of the table; its picture counts as seen."""
        image, caption, group = (
            value if isinstance(value := row.cells.get(name), str) else ""
            for name in (self.image, self.caption, self.group)
        )
        place = f"{self.name} {row.place}"
        if image:
            self.inventory.picture(image, self.folder)
        name = printable(posixpath.join(self.folder, image) if image else place)
        return Refusal(name, Refused(reason, f"{place}: {detail}"), caption, group)

    def _captions(self, row):
        value = row.cells.get(self.caption)
        spelled = self.spelled and isinstance(value, str)
        return text.captions(text.listed(value) if spelled else value)

    def _picture(self, row):
        """(name, path or bytes) of the picture of a row; equal bytes are one picture."""
        value = row.cells.get(self.image)
        if isinstance(value, dict) and {"bytes", "path"} & set(value):  # as Hugging Face stores it
            value = value.get("bytes") or value.get("path")
        if isinstance(value, bytes):
            digest = hashlib.sha256(value).digest()
            return self.pictures.setdefault(digest, printable(f"{self.name} {row.place}")), value
        value = self._told(self.image, text.scalar, value)
        name = printable(posixpath.join(self.folder, value))
        return name, self.inventory.picture(value, self.folder)

    def _told(self, column, convert, value):
        """convert(value), with the column's name in what it raises."""
        try:
            return convert(value)
        except ValueError as error:
            raise ValueError(f"{column} is {error}") from error
