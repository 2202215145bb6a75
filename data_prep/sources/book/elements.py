"""What an element of a page is, by its name, its class and its style; and its visible text."""

import re
from collections.abc import Iterator

from bs4.element import NavigableString, PageElement, PreformattedString, Tag

LONGEST = 400  # characters; more is a page of the book, not a caption
BLOCKS = frozenset(
    "address article aside blockquote body caption center dd div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody td tfoot th "
    "thead tr ul".split()
)
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_UNSEEN = frozenset("head script style template title noscript".split())
_CAPTION = re.compile(r"(?i)capt|legend|illname|figtitle|^cap\d*$|underfig")
_FIGURE = re.compile(r"(?i)fig|illus|image|img|plate|pic|^float|^il[lr]?_")
_FIGURE_TEXT = re.compile(r"(?i)^(?:fig|illus|image|plate|pict)")
_CENTRED = re.compile(r"(?i)^(?:ctr|centre|center|centered|cen|c)\d*$")
_CENTRED_STYLE = re.compile(r"(?i)text-align:\s*center")
_MARKS = frozenset(("pagenum", "fnanchor", "pageno", "pagenumber"))  # of pages and of notes


def is_picture(element: Tag) -> bool:
    """Whether an element shows a picture (also one of an SVG cover)."""
    return element.name in ("img", "image") and bool(source(element))


def source(element: Tag) -> str:
    """Where the picture of an element lies, as the page writes it."""
    given = (element.get(name) for name in ("src", "xlink:href", "href"))
    return next((value.strip() for value in given if value), "")


def is_unseen(element: PageElement) -> bool:
    """Whether nothing of an element is text of the book: comments, styles, page numbers."""
    if isinstance(element, Tag):
        return element.name in _UNSEEN or any(name.lower() in _MARKS for name in _classes(element))
    return isinstance(element, PreformattedString)


def is_figure(element: Tag) -> bool:
    """Whether an element is the box of a figure."""
    if element.name in ("body", "html", "table"):
        return False
    return element.name == "figure" or any(map(_FIGURE.search, _classes(element)))


def is_caption(element: Tag) -> bool:
    """Whether a page says of an element that it is a caption."""
    if element.name in ("figcaption", "caption"):
        return True
    return element.name not in ("body", "html", "table", "tr") and any(
        map(_CAPTION.search, _classes(element))
    )


def is_link(element: Tag) -> bool:
    """Whether an element without a picture leads to another file."""
    away = element.name == "a" and not element.get("href", "#").startswith("#")
    return away and element.find(is_picture) is None


def is_centred(element: Tag) -> bool:
    """Whether an element is a centred paragraph, or one in the class of a figure without one."""
    if element.name not in ("p", "div", "center"):
        return False
    return (
        element.name == "center"
        or element.get("align", "").lower() == "center"
        or bool(_CENTRED_STYLE.search(element.get("style", "")))
        or any(map(_CENTRED.search, _classes(element)))
        or any(map(_FIGURE_TEXT.search, _classes(element)))
    )


def text(element: Tag) -> str:
    """Visible text of an element, without page numbers and footnote marks, in single spaces."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Tag) -> Iterator[str]:
    for child in element.children:
        if is_unseen(child):
            continue
        if isinstance(child, NavigableString):
            yield str(child)
        elif child.name in BLOCKS or child.name == "br":
            yield from (" ", *_pieces(child), " ")
        else:
            yield from _pieces(child)


def _classes(element):
    return element.get("class") or ()
