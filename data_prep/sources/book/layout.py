"""The captions of a page by where they stand: from the innermost figure outwards, each once.

A figure, a paragraph or a cell settles what it holds: its captions are for its pictures and for
no others. What is left takes part where the figure stands: in the row and the column of its
table, and at last in the reading order of the page.
"""

from bs4.element import NavigableString, Tag

from data_prep.sources.book import assignment, grid, joining
from data_prep.sources.book.assignment import Custom
from data_prep.sources.book.elements import (
    BLOCKS,
    HEADINGS,
    LONGEST,
    is_caption,
    is_centred,
    is_figure,
    is_link,
    is_picture,
    is_unseen,
    text,
)
from data_prep.sources.book.tokens import Block, Break, Pictures, Text, Token

_DEEP = 60  # elements in one another, from the outside and from the inside, that are looked at
_CELLS = ("td", "th", "li")
_PARAGRAPHS = ("p", "center", *HEADINGS)


def placed(body: Tag) -> dict[int, list[str]]:
    """{id of a picture's element: its caption, the best of several readings first}."""
    _flatten(body)
    page = _Page(Custom())
    page.settle_page(body)
    if page.lean < 0:
        page = _Page(Custom(above=True))
        page.settle_page(body)
    return page.given


class _Page:
    """One pass over a page.

    Attributes:
        given: what was given away so far, by the id of the picture's element.
        lean: pictures with their captions below, less those with captions above.
    """

    def __init__(self, custom: Custom):
        self.given: dict[int, list[str]] = {}
        self.lean = 0
        self._custom = custom
        self._served: set[int] = set()

    def settle_page(self, body: Tag) -> None:
        """Reads a page from the inside outwards and gives its captions away."""
        tokens = self._read(body)
        self.lean += assignment.lean(tokens)
        self._give(assignment.assign(tokens, self._custom))

    def _read(self, element):
        """Tokens of an element that are left to what is around it."""
        if is_picture(element):
            return [Pictures([element])]
        if element.name in ("hr", "br"):
            return [Break() if element.name == "hr" else Text(" ")]
        if is_caption(element) and element.find(is_picture) is None:
            return joining.of_caption(element)
        if element.name == "table":
            return self._table(element)
        tokens = self._inside(element)
        if element.name in BLOCKS or is_figure(element):
            return self._box(element, joining.joined(tokens, self._custom.above))
        if is_link(element):
            return [Text(t.text, link=True) if isinstance(t, Text) else t for t in tokens]
        return tokens

    def _inside(self, element):
        tokens: list[Token] = []
        for child in element.children:
            if is_unseen(child):
                continue
            if isinstance(child, NavigableString):
                tokens.append(Text(str(child)))
            elif child.name in BLOCKS:
                tokens += [Text(" "), *self._read(child), Text(" ")]
            else:
                tokens += self._read(child)
        return tokens

    def _box(self, element, tokens):
        """What an element that may be a figure leaves to what is around it."""
        number = sum(len(token.elements) for token in tokens if isinstance(token, Pictures))
        marked = [token for token in tokens if isinstance(token, Block) and token.marked]
        if not number:
            return joining.without_pictures(element, tokens)
        boxes = (is_figure, is_caption, is_centred)
        figure = element.name in _CELLS or any(is_box(element) for is_box in boxes)
        said = len(joining.all_text([t for t in tokens if isinstance(t, Text)]).strip())
        if figure and not marked and len(joining.all_text(tokens)) <= LONGEST:
            return self._settle(joining.texts_as_blocks(tokens, number), element)
        small = said <= LONGEST and (figure or element.name in _PARAGRAPHS)
        pair = number == len(marked) == 1 and not said
        if marked and (small or pair or (figure and number == 1)):
            return self._settle([t for t in tokens if not isinstance(t, Text)], element)
        return joining.grouped(tokens) if element.name in (*_PARAGRAPHS, "div") else tokens

    def _settle(self, tokens, element):
        """Gives the captions of one figure to its pictures."""
        self.lean += assignment.lean(tokens)
        pairs = assignment.assign(tokens, self._custom, box=True)
        if pairs and len(pairs) == len(pairs[0][0].elements) == 1:
            whole = text(element)
            pairs[0][1].texts += [whole] if len(whole) <= LONGEST else []
        self._give(pairs)
        return joining.grouped(
            [token for token in self._left(tokens) if not isinstance(token, Block)]
        )

    def _table(self, table):
        rows = list(grid.rows(table, self._read))
        for row in rows:
            self._settle_row(row)
        self.lean += grid.lean_of_rows(rows)
        self._give(grid.assign_rows(rows, self._custom))
        heading = [t for c in table.find_all("caption", recursive=False) for t in self._read(c)]
        tokens = [*heading]
        for row in rows:
            tokens += joining.grouped(self._left([token for cell in row for token in cell.tokens]))
        if table.find(is_picture) is None:
            return joining.joined(tokens, self._custom.above)
        if heading:
            return self._settle([t for t in tokens if not isinstance(t, Text)], table)
        return [Break() if isinstance(token, Block) else token for token in tokens]

    def _settle_row(self, row):
        """Gives captions to the pictures beside them; cells of text part the others."""
        tokens = [token for cell in row for token in cell.tokens]
        if any(isinstance(token, Block) and token.marked for token in tokens):
            self._give(assignment.assign(tokens, self._custom, box=True))
        for cell in row:
            cell.tokens = self._left(cell.tokens)

    def _give(self, pairs):
        """Gives blocks away; a picture that got only a number waits for more."""
        for pictures, block in pairs:
            block.given = True
            for element in pictures.elements:
                self.given[id(element)] = [*block.texts, *self.given.get(id(element), ())]
                if any(map(assignment.says_something, block.texts)):
                    self._served.add(id(element))

    def _left(self, tokens):
        """Tokens without what has been given away; a break stands for it."""
        left: list[Token] = []
        for token in tokens:
            if isinstance(token, Pictures):
                waiting = [e for e in token.elements if id(e) not in self._served]
                left += [] if len(waiting) == len(token.elements) else [Break()]
                left += [Pictures(waiting)] if waiting else []
            elif not (isinstance(token, Block) and token.given):
                left.append(token)
        return left


def _flatten(body):
    """Takes away elements far from both ends of a deep nest; what is in them stays."""
    elements = body.find_all(True)
    depth, height = {id(body): 0}, {id(body): 0}
    for element in elements:
        depth[id(element)] = depth[id(element.parent)] + 1
        height[id(element)] = 0
    for element in reversed(elements):
        above = id(element.parent)
        height[above] = max(height[above], height[id(element)] + 1)
    for element in elements:
        if min(depth[id(element)], height[id(element)]) > _DEEP:
            element.unwrap()
