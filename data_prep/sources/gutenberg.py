"""Illustrated books of Project Gutenberg in HTML: each picture with its caption."""

import io
import re
import urllib.error
import urllib.request
import zipfile
import zlib
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from data_prep.sources.book.page import read as read_page
from data_prep.sources.pair import Pair
from mmvae.errors import UserError

URL = "https://www.gutenberg.org/cache/epub/{number}/pg{number}-h.zip"
MAX_FILE = 64 * 2**20  # bytes of one file in an archive, unpacked
MAX_ARCHIVE = 2 * 2**30  # bytes of all of them
_PAGES = (".htm", ".html", ".xhtml")
_NUMBER = re.compile(r"(?:pg)?(\d{2,6})(?:-(?:h|0|images|h-images))?(?:\.x?html?)?")


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """Each picture of the books at a place, with its caption; the group is the book."""
    for picture, image, caption, book in pictures(place):
        yield Pair(picture=picture, image=image, caption=caption, group=book)


def pictures(place: str) -> Iterator[tuple[str, bytes, str, str]]:
    """(name, image, caption, book) of each picture of the books at a place.

    Args:
        place: folder of one or several books, a zip of one, or a book number to download.

    Raises:
        UserError: nothing there, no HTML page in it, a bad archive, or no network.
    """
    path = Path(place)
    if path.is_dir():
        return _from_folder(path)
    if path.is_file():
        return _from_zip(path.read_bytes(), path.stem)
    if place.isdigit():
        return _from_zip(_download(int(place)), place)
    raise UserError(
        f"gutenberg:{place} is not a folder, a zip or a book number; type gutenberg:DIR, "
        f"gutenberg:FILE.zip or, with a network, gutenberg:30181"
    )


def _from_folder(root):
    pages = sorted(path for path in root.rglob("*") if path.suffix.lower() in _PAGES)
    if not pages:
        raise UserError(f"gutenberg:{root} has no .htm or .html page")
    for page in pages:
        book, folder = _book(page.relative_to(root.parent).as_posix())
        for source, caption in read_page(page.read_bytes()):
            local = _local(source)
            image = page.parent / local if local else b""
            yield f"{folder}/{local or source[:80]}", image, caption, book


def _from_zip(content, name):
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise UserError(f"gutenberg:{name} is not a zip archive: {error}") from error
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if max(sizes.values(), default=0) > MAX_FILE or sum(sizes.values()) > MAX_ARCHIVE:
        raise UserError(f"gutenberg:{name} unpacks to more than is safe; unpack and check it")
    pages = sorted(file for file in sizes if PurePosixPath(file).suffix.lower() in _PAGES)
    if not pages:
        raise UserError(f"gutenberg:{name} has no .htm or .html page in it")
    for page in pages:
        book, folder = _book(f"{name}/{page}")
        markup = _member(archive, page)
        if not markup:
            raise UserError(f"gutenberg:{name}: {page} is damaged; download the archive again")
        for source, caption in read_page(markup):
            local = _local(source)
            file = (PurePosixPath(page).parent / (local or "")).as_posix()
            image = _member(archive, file) if local and file in sizes else b""
            yield f"{folder}/{local or source[:80]}", image, caption, book


def _member(archive, file):
    """Bytes of a file in an archive; b"" where it is damaged, encrypted or packed unusually."""
    try:
        return archive.read(file)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
        return b""


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


def _local(source):
    """Path of a picture relative to its page; "" for one elsewhere."""
    path = unquote(source)
    unsafe = re.match(r"(?i)[a-z][a-z0-9+.-]*:|/|\\", path) or ".." in PurePosixPath(path).parts
    return "" if unsafe else path


def _book(path):
    """(book, folder of its page) of a page's path.

    A book is the number of the first part that is named after one, else the page's folder; the
    folder begins with the book, so that the pictures of two books never share a name.
    """
    parts = PurePosixPath(path).parts
    for place, part in enumerate(parts):
        if number := _NUMBER.fullmatch(part):
            return number[1], "/".join([number[1], *parts[place + 1 : -1]])
    folder = "/".join(parts[:-1])
    return folder, folder
