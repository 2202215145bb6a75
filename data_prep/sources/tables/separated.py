"""Text in columns: what separates them and whether cells are quoted is made out from the text.

A quotation mark opens a cell only where it also closes it; elsewhere it is a character of the text.
Nothing is cut: a row that does not fit the header is read whole where that is certain, else it has
a fault.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from data_prep.sources.inventory import PICTURES, suffix
from data_prep.sources.text import MAX_CAPTION

MARKS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
_MOST_LINES = 100  # of one cell; more is a broken quote
_ENDING = re.compile(r"\r\n|\n|\r")
_SAID = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # a first line as spreadsheets write it


@dataclass
class Cells:
    """One row: its line, its cells, and how they were quoted.

    Attributes:
        line: number of its first line, from 1.
        cells: texts, as many as there are.
        quoted: for each, whether it stood in quotation marks.
        escaped: whether a quoted cell holds what only quoting can: the separator, a line's end.
        stray: whether a quotation mark opened a cell and did not close it.
        fault: why the row cannot be read, "" where it can.
    """

    line: int
    cells: list[str]
    quoted: list[bool] = field(default_factory=list)
    escaped: list[bool] = field(default_factory=list)
    stray: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Columns:
    """Text read as columns: their names, the rows, and what was made out."""

    names: list[str]
    rows: list[Cells]
    notes: list[str]


def read(text: str, wanted: Sequence[Sequence[str]], tabs_first: bool = False) -> Columns:
    """A table with a header.

    Args:
        text: the whole file.
        wanted: for each column that is needed its possible names, the picture's first and the
            caption's second; the separator is the one by which the header has them all.
        tabs_first: whether tabs are likelier than commas.
    """
    lines = _ENDING.split(text)
    start = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    said = _SAID.fullmatch(lines[start].strip()) if start < len(lines) else None
    start += bool(said)
    header = lines[start] if start < len(lines) else ""
    mark = said[1] if said else separator(header, wanted, tabs_first)
    reader = _Reader(lines, mark, spaced=f"{mark} " in header)
    top, start = reader.row(start, True) if header else (Cells(0, []), start)
    names = [name.strip() for name in top.cells]
    reader.picture = _place(names, wanted[0])
    rows, quoting = _rows(reader, start)
    joined = _fit(rows, names, _place(names, wanted[1]), reader)
    return Columns(names, rows, _notes(mark, quoting, rows, joined))


def separator(header: str, wanted: Sequence[Sequence[str]], tabs_first: bool = False) -> str:
    """The mark by which a header has all columns that are needed, else the most columns."""
    marks = sorted(MARKS, key=lambda mark: (mark == "\t") != tabs_first)
    names = {m: [n.strip() for n in _Reader([header], m).row(0, True)[0].cells] for m in marks}
    fitting = [m for m in marks if all(set(each) & set(names[m]) for each in wanted)]
    return fitting[0] if fitting else max(marks, key=lambda mark: len(names[mark]))


def header_for(first: str, wanted: Sequence[Sequence[str]]) -> str:
    """The header that a table lacks whose first line is data; "" where the line is a header."""
    mark = separator(first, wanted)
    cells = [cell.strip() for cell in _Reader([first], mark).row(0, True)[0].cells]
    places = [at for at, cell in enumerate(cells) if suffix(cell) in PICTURES]
    if not places or len(cells) < 2:
        return ""
    longest = max(
        (at for at in range(len(cells)) if at != places[0]), key=lambda at: len(cells[at])
    )
    known = {places[0]: wanted[0][0], longest: wanted[1][0]}
    return mark.join(known.get(at, f"column{at + 1}") for at in range(len(cells)))


class _Reader:
    """Rows of lines by one separator."""

    def __init__(self, lines, mark, spaced=False):
        self.lines, self.mark, self.spaced = lines, mark, spaced
        self.picture = 0  # place of the column with the picture's name
        before, after = (" *" if spaced else ""), rf" *(?={re.escape(mark)}|\Z)"
        self._closed = re.compile(rf'{before}"([^"]*(?:""[^"]*)*)"{after}')
        self._open = re.compile(rf'{before}"[^"]*(?:""[^"]*)*\Z')

    def row(self, at, quoting):
        """(the row that begins at a line, the line after it)."""
        row, text, last, place = Cells(at + 1, []), self.lines[at], at, 0
        if not quoting or '"' not in text:
            row.cells = text.split(self.mark)
            row.quoted = [False] * len(row.cells)
            return row, at + 1
        while True:
            match, text, last = self._quoted(text, last, place)
            if match:
                cell, place = match[1].replace('""', '"'), match.end()
                row.escaped.append('""' in match[1] or "\n" in cell or self.mark in cell)
            else:
                end = text.find(self.mark, place)
                end = len(text) if end < 0 else end
                cell, place = text[place:end], end
                row.stray |= cell.lstrip(" " if self.spaced else "").startswith('"')
            row.cells.append(cell)
            row.quoted.append(bool(match))
            if place >= len(text):
                return row, last + 1
            place += len(self.mark)

    def _quoted(self, text, last, place):
        """(match of a quoted cell or None, text, its last line); the text grows as it needs."""
        longer, end = text, last
        while self._open.match(longer, place) and end + 1 < len(self.lines):
            end += 1
            too_long = end - last > _MOST_LINES or len(longer) > MAX_CAPTION
            if too_long or self.is_row(self.lines[end], text):
                return None, text, last
            longer += "\n" + self.lines[end]
        match = self._closed.match(longer, place)
        return (match, longer, end) if match else (None, text, last)

    def is_row(self, line, like):
        """Whether a line looks like a row of its own: it has a picture's name at its place."""
        cells, others = line.split(self.mark), like.split(self.mark)
        if len(cells) < 2 or self.picture >= min(len(cells), len(others)):
            return False
        shown = cells[self.picture].strip()
        if shown.endswith('"') and not shown.startswith('"'):
            return False  # it closes a cell that an earlier line opened
        name, other = (row[self.picture].strip(' "') for row in (cells, others))
        alike = re.sub(r"\d", "0", name) == re.sub(r"\d", "0", other) and re.search(r"\d", name)
        return suffix(name) in PICTURES or bool(alike)


def _rows(reader, start):
    """(rows, whether cells are quoted); tabs are taken to quote only where that is plain."""
    rows = _all(reader, start, True)
    cells = [escaped for row in rows for escaped in row.escaped]
    everything = all(all(row.quoted) for row in rows)
    plain = bool(cells) and (everything or all(cells)) and not any(row.stray for row in rows)
    if reader.mark == "\t" and not plain:
        return _all(reader, start, False), False
    return rows, bool(cells)


def _all(reader, at, quoting):
    rows = []
    while at < len(reader.lines):
        if not reader.lines[at].strip(" "):
            at += 1
            continue
        row, at = reader.row(at, quoting)
        rows.append(row)
    return rows


def _fit(rows, names, caption, reader):
    """Brings each row to the width of the header; returns the lines of captions put together."""
    joined, width = [], len(names)
    for before, row in zip([None, *rows], rows, strict=False):
        extra = row.cells[width:]
        surplus = any(cell.strip() for cell in extra)
        if surplus and caption == width - 1 and not any(row.quoted[caption:]):
            row.cells[caption:] = [reader.mark.join(row.cells[caption:])]
            joined.append(row.line)
        elif surplus:
            row.fault = f"{len(row.cells)} cells, {width} in the header"
        elif len(row.cells) <= max(reader.picture, caption) and not _is_lone(row, reader):
            row.fault = f"{len(row.cells)} cells, {width} in the header"
            if before:
                before.fault = before.fault or f"line {row.line} may be the rest of it"
        row.cells = [cell.strip() if reader.spaced else cell for cell in row.cells[:width]]
        row.cells += [""] * (width - len(row.cells))
        if max(map(len, row.cells), default=0) > MAX_CAPTION:
            row.fault = f"a cell of more than {MAX_CAPTION} characters"
    return joined


def _is_lone(row, reader):
    """Whether a row is short because only its picture is named."""
    place = reader.picture
    return place < len(row.cells) and suffix(row.cells[place].strip()) in PICTURES


def _place(names, possible):
    return next((names.index(name) for name in possible if name in names), len(names) - 1)


def _notes(mark, quoting, rows, joined):
    way = "quoted" if quoting else "not quoted"
    notes = [f"columns separated by {MARKS.get(mark, repr(mark))}, {way}"]
    if joined:
        lines = f"first in line {joined[0]}"
        notes.append(f"captions with the separator in them, read whole ({len(joined)}, {lines})")
    if mark != "\t" and (stray := [row.line for row in rows if row.stray]):
        lines = f"first in line {stray[0]}"
        notes.append(f"quotation marks that never close, left as they are ({len(stray)}, {lines})")
    return notes
