"""Which book a page belongs to, and which file of it a picture's address means."""

import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

_NUMBER = re.compile(r"(?:pg)?(\d{2,6})(?:-(?:h|0|images|images-3|h-images))?(?:\.x?html?)?")
_CONTAINER = "META-INF/container.xml"  # every EPUB has it at its root
_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]+:|//")


@dataclass(frozen=True)
class Home:
    """Where a page lives.

    Attributes:
        book: its book: what is never torn over splits, and begins the names of its pictures.
        root: folder of the shelf that its pictures are named from ("" for the shelf itself).
    """

    book: str
    root: str


def home(shelf: str, page: str, files: Collection[str]) -> Home:
    """The home of a page.

    The book is the EPUB that the page is in, by its number where it is named after one; else the
    number of the first part of the path that is named so; else the folder of the page.

    Args:
        shelf: name of the shelf.
        page: name of the page on it.
        files: all names on the shelf.
    """
    for root in _parents(page):
        if posixpath.join(root, _CONTAINER) in files:
            book = posixpath.join(shelf, root).rstrip("/")
            number = _NUMBER.fullmatch(posixpath.basename(book))
            return Home(number[1] if number else book, root)
    folders = posixpath.dirname(page).split("/") if "/" in page else []
    for depth, part in enumerate([posixpath.basename(shelf), *folders]):
        if number := _NUMBER.fullmatch(part):
            return Home(number[1], "/".join(folders[:depth]))
    folder = "/".join(folders)
    number = _NUMBER.fullmatch(posixpath.basename(page))
    return Home(number[1] if number else posixpath.join(shelf, folder).rstrip("/"), folder)


def is_elsewhere(address: str) -> bool:
    """Whether an address is one of the web, not of a file beside the page."""
    return bool(_SCHEME.match(address))


def files_of(address: str, page: str) -> list[str]:
    """Names on the shelf that an address may mean, seen from its page; outside it, "../...".

    A "#" or a "?" may belong to the name of a file, or end it.
    """
    folder = posixpath.dirname(page)
    forms = [unquote(address), unquote(re.split("[?#]", address)[0])]
    return [posixpath.normpath(posixpath.join(folder, form.replace("\\", "/"))) for form in forms]


def is_inside(name: str) -> bool:
    """Whether a normalised name lies on the shelf."""
    return name != ".." and not name.startswith(("/", "../"))


def picture_name(name: str, place: Home, shelf: str) -> str:
    """The name of a picture among those of all books: after its page's book, or its own folder."""
    if not place.root or name.startswith(f"{place.root}/"):
        return f"{place.book}/{name.removeprefix(place.root).lstrip('/')}"
    return f"{shelf}/{name}"


def _parents(page):
    while page:
        page = posixpath.dirname(page)
        yield page
