"""Rows of a table as pairs: several captions of a picture are several pairs of it."""

import hashlib
import json
import posixpath
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain, islice

from data_prep.sources import text
from data_prep.sources.inventory import Inventory, suffix
from data_prep.sources.pair import Item, Note, Pair, Refusal, printable
from data_prep.sources.tables import table as tables
from data_prep.sources.tables.table import Row, Table, Wanted, column
from data_prep.stages import splitting
from data_prep.stages.images import Refused

MISFIT = "row does not fit the table's header"
NOT_TEXT = "cell is not a text"
_FIRST = 1000  # rows by which the folder of the pictures is found


def wanted(options: Namespace) -> Wanted:
    """The columns that a table must have: the picture's, the caption's, others that were named."""
    named = [[name] for name in options.attribute_columns]
    if options.group_column != "group":
        named.append([options.group_column])
    return [[options.image_column], [options.caption_column], *named]


def of_file(name: str, inventory: Inventory, columns: Wanted, options: Namespace) -> Iterator[Item]:
    """The `pairs` of the table in a file.

    Raises:
        UserError: the file is damaged, or lacks a column.
    """
    table = tables.read(inventory.take(name), columns)
    yield from pairs(table, name, inventory, columns, options)


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
    reader, rows = _Rows(table, name, inventory, columns, options), iter(table.rows)
    first = list(islice(rows, _FIRST))
    yield from reader.look(first)
    for row in chain(first, rows):
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
        self.asked, self.group = options.caption_column, options.group_column
        self.attributes = options.attribute_columns
        self.named_split = splitting.of_file(name, inventory.root.absolute().name)
        self.spelled = suffix(name) in (".csv", ".tsv", ".txt")
        self.pictures: dict[bytes, str] = {}  # digest of bytes: name of the picture

    def look(self, first: list[Row]) -> Iterator[Note]:
        """Finds the folder of the pictures that the first rows name; says what was chosen."""
        if self.caption != self.asked:
            yield Note(f"captions are in the column {self.caption}", printable(self.name))
        names = (row.cells.get(self.image) for row in first)
        self.folder = self.inventory.base((n for n in names if isinstance(n, str)), self.folder)
        if self.folder != posixpath.dirname(self.name):
            yield Note(f"pictures are in {printable(self.folder)}", printable(self.name))

    def pairs(self, row: Row) -> Iterator[Item]:
        if row.fault:
            yield self.refusal(row, MISFIT, row.fault)
            return
        picture, image, named = self._picture(row)
        captions = self._told(self.caption, self._captions, row)
        group = self._told(self.group, text.scalar, row.cells.get(self.group))
        split = self._told("split", text.scalar, row.cells.get("split"))
        facts = self._facts(row)
        for caption in captions:
            yield Pair(picture, image, caption, group, split, facts, named_split=named)

    def refusal(self, row: Row, reason: str, detail: str) -> Refusal:
        """A row of `rejected.csv` for a row of the table; its picture counts as seen."""
        image, caption, group = (
            value if isinstance(value := row.cells.get(name), str) else ""
            for name in (self.image, self.caption, self.group)
        )
        place = f"{self.name} {row.place}"
        if image:
            self.inventory.picture(image, self.folder)
        name = self._shown(image) if image else printable(place)
        return Refusal(name, Refused(reason, f"{place}: {detail}"), caption, group)

    def _captions(self, row):
        value = row.cells.get(self.caption)
        spelled = self.spelled and isinstance(value, str)
        return text.captions(text.listed(value) if spelled else value)

    def _facts(self, row):
        """The columns of attributes as a JSON object of texts; an empty cell is unknown."""
        cells = {n: self._told(n, text.scalar, row.cells.get(n)) for n in self.attributes}
        known = {name: value.strip() for name, value in cells.items() if value.strip()}
        return json.dumps(known, sort_keys=True)

    def _picture(self, row):
        """(name, path or bytes, split by name) of a row's picture; equal bytes are one picture."""
        value = row.cells.get(self.image)
        if isinstance(value, dict) and {"bytes", "path"} & set(value):  # as Hugging Face stores it
            value = value.get("bytes") or value.get("path")
        if isinstance(value, bytes):
            digest = hashlib.sha256(value).digest()
            name = self.pictures.setdefault(digest, printable(f"{self.name} {row.place}"))
            return name, value, self.named_split
        value = self.inventory.relative(self._told(self.image, text.scalar, value), self.folder)
        named = splitting.of_folders(posixpath.join(self.folder, value)) or self.named_split
        shown = self._shown(value) if value.strip() else printable(f"{self.name} {row.place}")
        return shown, self.inventory.picture(value, self.folder), named

    def _shown(self, image):
        """A picture's name: as its row says it, after the folder of the table."""
        folder = posixpath.dirname(self.name)
        return printable(posixpath.normpath(posixpath.join(folder, image)) if folder else image)

    def _told(self, column, convert, value):
        """convert(value), with the column's name in what it raises."""
        try:
            return convert(value)
        except ValueError as error:
            raise ValueError(f"{column} is {error}") from error
