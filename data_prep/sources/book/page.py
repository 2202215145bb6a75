"""The pictures of a page of a book, each with what the page says about it.

The editions agree on no mark-up. First comes the caption that stands with the picture, then what
the picture's own element says, then its entry in the list of illustrations; the first that tells
of a picture is taken.
"""

import re
import warnings
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import Tag

from data_prep.sources.book import layout
from data_prep.sources.book.assignment import says_something
from data_prep.sources.book.elements import HEADINGS, LONGEST, is_picture, source, text

_LIST = re.compile(
    r"(?i)(?:(?:a )?(?:list|table|index) of )?(?:the )?(?:full[- ]page )?"
    r"(?:illustrations|plates|figures|engravings|pictures|woodcuts|maps)(?: in the text)?\W*"
)
_PAGE_NUMBER = re.compile(r"[\s.…]*\d*\s*$")


def read(markup: bytes | str) -> Iterator[tuple[str, str]]:
    """(where a picture lies, its caption) of a page's pictures, in order; "" without a caption."""
    with warnings.catch_warnings():  # XHTML is read as HTML, which forgives its mistakes
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        page = BeautifulSoup(markup, "lxml")
    if page.body is None:
        return
    listed, sure = _list_of_illustrations(page)
    placed = layout.placed(page.body)
    for picture in page.find_all(is_picture):
        own = [picture.get("alt", ""), picture.get("title", "")]
        entries = [listed.pop(name, "") for name in _anchors(picture, sure)]
        yield source(picture), _best([*placed.get(id(picture), ()), *own, *entries])


def _best(texts: Iterable[str]) -> str:
    """The first text that says something, else the first that is not empty."""
    fitting = [said for said in texts if 0 < len(said.strip()) <= LONGEST]
    return next(filter(says_something, fitting), fitting[0] if fitting else "")


def _list_of_illustrations(page: BeautifulSoup) -> tuple[dict[str, str], bool]:
    """({anchor: text} of links inside the page, whether a list of illustrations is among it).

    Where there is such a list, its links alone count: those of a table of contents lead to
    chapters.
    """
    every: dict[str, str] = {}
    listed: dict[str, str] = {}
    inside = False
    for element in page.find_all(["a", "p", "center", "caption", *HEADINGS]):
        if element.name != "a":
            starts = bool(_LIST.fullmatch(text(element)))
            inside = starts or (inside and element.name not in HEADINGS)
        elif element.get("href", "").startswith("#"):
            for links in [every, listed] if inside else [every]:
                links.setdefault(unquote(element["href"][1:]), _entry(element))
    return (listed, True) if listed else (every, False)


def _entry(link: Tag) -> str:
    """What a link says or, where it is only a page number, the line of the list that it is in."""
    said = text(link)
    if any(c.isalpha() for c in said) and len(said) > 3:
        return said
    line = link.find_parent(["li", "tr", "p", "dd"])
    if line is None or len(line.find_all("a", href=True)) != 1:
        return ""
    return _PAGE_NUMBER.sub("", text(line).removesuffix(said))


def _anchors(picture: Tag, sure: bool) -> Iterator[str]:
    """Names by which a link can lead to a picture: its own, its parents', an anchor before it.

    An anchor of another paragraph is that of the page; it counts where the links are `sure`ly
    of pictures.
    """
    before = picture.find_previous("a")
    near = before is not None and _leads_to(before, picture, sure)
    for element in [picture, *list(picture.parents)[:3], *([before] if near else [])]:
        yield from (element[key] for key in ("id", "name") if element.get(key))


def _leads_to(anchor: Tag, picture: Tag, sure: bool) -> bool:
    """Whether no other picture, and no text but the anchor's own, stands before a picture."""
    for element in anchor.next_elements:
        if element is picture:
            return True
        if isinstance(element, Tag):
            if is_picture(element) or element.name in HEADINGS:
                return False
        elif not sure and element.strip() and anchor not in element.parents:
            return False
    return False
