"""Illustrated books in HTML, as Project Gutenberg has them, and EPUBs: their captioned pictures."""

import base64
import binascii
import posixpath
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources.book import page, paths, prose
from data_prep.sources.book.shelf import ARCHIVES, MAX_ARCHIVE, Archive, Folder, Shelf
from data_prep.sources.pair import Item, Pair, Prose, Refusal, Title, of_several, printable
from data_prep.stages.images import Refused
from mmvae.errors import UserError

URL = "https://www.gutenberg.org/cache/epub/{number}/pg{number}-h.zip"


def read(place: str, options: Namespace) -> Iterator[Item]:
    """Each picture of the books at a place, with its caption; the group is the book.

    Args:
        place: folder of books (with their pages, or EPUBs), a zip or an EPUB, or a book number
            to download.
        options: `keep_prose`, whether the running text is read too.

    Raises:
        UserError: nothing there, no HTML page in it, a bad archive, or no network.
    """
    path = Path(place)
    if path.is_dir():
        return _folder(path, options.keep_prose)
    if path.is_file():
        return _pictures(Archive(path.read_bytes(), path.stem), options.keep_prose)
    if place.isdigit():
        return _pictures(Archive(_download(int(place)), place), options.keep_prose)
    raise UserError(
        f"gutenberg:{place} is not a folder, a zip, an EPUB or a book number; type gutenberg:DIR, "
        f"gutenberg:FILE.zip, gutenberg:FILE.epub or, with a network, gutenberg:30181"
    )


def _folder(root, keep_prose):
    shelf = Folder(root)
    archives = [name for name in shelf.files if name.lower().endswith(ARCHIVES)]
    packed = lambda name: _packed(shelf, name, keep_prose)
    books = [(f"{shelf.name}/{name}", packed(name)) for name in archives]
    loose = bool(shelf.pages) or not archives
    if loose:
        books.append((shelf.name, _pictures(shelf, keep_prose)))
    yield from of_several(books, "book")
    if not loose:
        yield from shelf.left()


def _packed(shelf, name, keep_prose):
    """Items of an archive that lies on a shelf."""
    content = shelf.content(name)
    if content is None:
        raise UserError(f"{name} cannot be opened")
    book = f"{shelf.name}/{posixpath.splitext(name)[0]}"
    yield from _pictures(Archive(content, book), keep_prose)


def _pictures(shelf: Shelf, keep_prose: bool) -> Iterator[Item]:
    if not shelf.pages:
        raise UserError(f"gutenberg:{shelf.name} has no .htm, .html or .xhtml page in it")
    for name in shelf.pages:
        home, markup = paths.home(shelf.name, name, shelf.names), shelf.content(name)
        if markup is None:
            damaged = Refused("page cannot be read", f"{name} is damaged; download the book again")
            yield Refusal(f"{home.book}/{printable(name)}", damaged, group=home.book)
            continue
        yield Title(home.book, *prose.title(markup))
        if keep_prose:
            yield Prose(f"{home.book}/{printable(name)}", prose.paragraphs(markup), home.book)
        for number, (address, caption) in enumerate(page.read(markup), 1):
            if address.startswith("data:"):
                yield _within(address, f"{home.book}/{name}-{number}", caption, home)
            else:
                yield _picture(shelf, name, address, caption, home)
    yield from shelf.left()


def _picture(shelf, name, address, caption, home):
    """The pair of a picture of a page, or why there is none."""

    def refused(reason, detail):
        return Refusal(f"{home.book}/{address[:80]}", Refused(reason, detail), caption, home.book)

    if paths.is_elsewhere(address):
        return refused("picture not in the book", f"{address[:200]}: the web is not read")
    meant = [file for file in paths.files_of(address, name) if paths.is_inside(file)]
    if not meant:
        return refused("picture outside the book", f"{address[:200]} leads out of {shelf.name}")
    file = next(filter(None, map(shelf.find, meant)), "")
    if not file:
        return refused("picture file missing", f"{meant[0]}, which {name} shows, is not there")
    image = shelf.picture(file)
    if image is None:
        return refused("picture unreadable", f"{file} is damaged in its archive")
    return Pair(paths.picture_name(file, home, shelf.name), image, caption, home.book)


def _within(address, name, caption, home):
    """The pair of a picture that is written into the page itself."""
    try:
        image = base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error as error:
        refused = Refused("picture unreadable", f"a data: address that is none: {error}")
        return Refusal(name, refused, caption, home.book)
    return Pair(name, image, caption, home.book)


def _download(number):
    url = URL.format(number=number)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read(MAX_ARCHIVE // 4 + 1)
    except (urllib.error.URLError, OSError) as error:
        raise UserError(
            f"gutenberg:{number} could not be downloaded from {url}: {error}; download the "
            f"HTML zip in a browser and type gutenberg:FILE.zip"
        ) from error
    if len(content) > MAX_ARCHIVE // 4:
        raise UserError(f"gutenberg:{number} is larger than is safe to unpack")
    return content
