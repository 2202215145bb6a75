"""The running text of a page of a book, and what the page calls the book."""

import html
import re
import warnings

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import Tag

from data_prep.sources.book.elements import is_caption, is_figure, text

_PUBLISHER = re.compile(r"(?i)^pg-?(?:header|footer|boilerplate)|^project-gutenberg|^toc|^index")
_TITLE = re.compile(rb"(?is)<title[^>]*>(.*?)</title>")
_AUTHOR = re.compile(
    rb"""(?is)<meta\s[^>]*name=["'](?:dc\.creator|author|AUTHOR)["'][^>]*content=["']([^"']*)"""
)
_OUTSIDE = frozenset("table pre nav header footer figure".split())
_HEAD = 20_000  # bytes of a page in which its title stands


def paragraphs(markup: bytes | str) -> str:
    """The paragraphs of a page, an empty line between them; captions and tables left out."""
    with warnings.catch_warnings():  # XHTML is read as HTML, which forgives its mistakes
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        page = BeautifulSoup(markup, "lxml")
    own = (text(element) for element in page.find_all("p") if _is_running(element))
    return "\n\n".join(filter(None, own))


def title(markup: bytes) -> tuple[str, str]:
    """(title, author) that a page says in its head, "" for what it does not."""
    head = markup[:_HEAD]
    matches = [pattern.search(head) for pattern in (_TITLE, _AUTHOR)]
    texts = (
        html.unescape(match[1].decode("utf-8", "replace")) if match else "" for match in matches
    )
    return tuple(" ".join(said.split()) for said in texts)


def _is_running(element):
    return not any(map(_is_other, [element, *element.parents]))


def _is_other(element: Tag) -> bool:
    names = [element.get("id") or "", *(element.get("class") or ())] if element.attrs else []
    return (
        element.name in _OUTSIDE
        or is_figure(element)
        or is_caption(element)
        or any(map(_PUBLISHER.search, names))
    )
