"""The rows and columns of a table, and what stands below what."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bs4.element import Tag

from data_prep.sources.book.assignment import Custom, Given, assign, lean
from data_prep.sources.book.elements import LONGEST
from data_prep.sources.book.tokens import Block, Break, Gap, Pictures, Text, Token


@dataclass
class Cell:
    """A cell: the columns that it covers, and what stands in it."""

    columns: range
    tokens: list[Token]

    def of(self, kind: type) -> list:
        """Its tokens of one kind."""
        return [token for token in self.tokens if isinstance(token, kind)]

    @property
    def block(self) -> Block | None:
        """What the cell says, as a caption; None where it says nothing, or too much."""
        blocks = self.of(Block)
        if len(blocks) == 1 and not self.of(Text):
            return blocks[0]
        said = " ".join(token.text for token in self.tokens if isinstance(token, Text))
        said = " ".join([*said.split(), *(text for block in blocks for text in block.texts[:1])])
        return Block([said], any(b.marked for b in blocks)) if 0 < len(said) <= LONGEST else None


Row = list[Cell]


def rows(table: Tag, read: Callable[[Tag], list[Token]]) -> Iterator[Row]:
    """The rows of a table (not of those inside it), each cell read by `read`."""
    below: dict[int, int] = {}  # column: rows that a cell above still covers
    for row in table.find_all("tr"):
        if row.find_parent("table") is not table:
            continue
        cells, column, spans = [], 0, {}
        for element in row.find_all(["td", "th"], recursive=False):
            while below.get(column, 0) > 0:
                column += 1
            columns = range(column, column + _span(element, "colspan"))
            cells.append(Cell(columns, read(element)))
            spans |= dict.fromkeys(columns, _span(element, "rowspan"))
            column = columns.stop
        below = {c: left - 1 for c, left in (below | spans).items() if left > 1}
        yield cells


def assign_rows(table: list[Row], custom: Custom) -> Given:
    """Captions of rows of pictures: rows below or above them, cell by cell in their columns."""
    stand_ins = [_stand_in(row) for row in table]
    of_pictures, of_block = {}, {}
    for token, row in zip(stand_ins, table, strict=True):
        if isinstance(token, Pictures):
            of_pictures[id(token.elements[0])] = row
        of_block[id(token)] = row
    blocks = [row for row, token in zip(table, stand_ins, strict=True) if isinstance(token, Block)]
    one_for_all = len(blocks) == 1 and len(blocks[0]) == 1
    return [
        pair
        for pictures, block in assign(stand_ins, custom, box=one_for_all)
        for first in pictures.elements
        for pair in _by_columns(of_pictures[id(first)], of_block[id(block)])
    ]


def lean_of_rows(table: list[Row]) -> int:
    """`assignment.lean` of the rows."""
    return lean([_stand_in(row) for row in table])


def _stand_in(row):
    """A row as one token of the table from top to bottom; its first picture stands for all."""
    pictures = [element for cell in row for unit in cell.of(Pictures) for element in unit.elements]
    texts = [cell.block for cell in row if cell.tokens and not cell.of(Pictures)]
    said = [block for block in texts if block]
    if any(cell.of(Break) for cell in row):
        return Break()
    if pictures:
        alone = not any(cell.of(Text) or cell.of(Block) for cell in row)
        return Pictures(pictures[:1]) if alone else Break()
    if said and len(said) == len([cell for cell in row if cell.of(Text) or cell.of(Block)]):
        return Block([block.texts[0] for block in said], any(block.marked for block in said))
    return Text("") if any(cell.of(Text) for cell in row) else Gap()


def _by_columns(pictures, captions):
    given, served = [], set()
    for cell in captions:
        covered = [p for p in pictures if set(p.columns) & set(cell.columns)]
        elements = [e for p in covered for unit in p.of(Pictures) for e in unit.elements]
        elements = [element for element in elements if id(element) not in served]
        if cell.block and elements:
            given.append((Pictures(elements), cell.block))
            served |= {id(element) for element in elements}
    return given


def _span(element, name):
    value = str(element.get(name, "1")).strip()
    return max(1, min(int(value), 100)) if value.isdecimal() else 1
