"""Illustrated books of Project Gutenberg in HTML: each picture with its best caption.

The editions agree on no markup, so several places are searched, most reliable first, and the
first that says something about the picture is taken.
"""

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

from bs4 import BeautifulSoup

from data_prep.sources.pair import Pair
from data_prep.stages import captions
from mmvae.errors import UserError

URL = "https://www.gutenberg.org/cache/epub/{number}/pg{number}-h.zip"
MAX_FILE = 64 * 2**20  # bytes of one file in an archive, unpacked
MAX_ARCHIVE = 2 * 2**30  # bytes of all of them
_PAGES = (".htm", ".html", ".xhtml")
_NUMBER = re.compile(r"(?:pg)?(\d{2,6})(?:-(?:h|0|images|h-images))?(?:\.x?html?)?")
_LONGEST = 400  # characters; more is a page of the book, not a caption
_CAPTION_CLASS = re.compile(r"(?i)capt|legend|illname|figtitle|^cap\d*$|underfig")
_FIGURE_CLASS = re.compile(r"(?i)fig|illus|image|img|plate|pic|^float|^il[lr]?_")
_CENTRED = re.compile(r"(?i)^(?:ctr|centre|center|centered|cen|c)\d*$")


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """Each picture of the books at a place, with its caption; the group is the book."""
    for picture, image, caption, book in pictures(place):
        yield Pair(picture=picture, image=image, caption=caption, group=book)


def pictures(place):
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


def read_page(markup):
    """(src, caption) of each picture of a page, in order; caption "" where none was found."""
    page = BeautifulSoup(markup, "lxml")
    listed = _list_of_illustrations(page)
    for image in page.find_all("img", src=True):
        yield image["src"].strip(), _best(_candidates(image, listed))


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


def _candidates(image, listed):
    """Captions that the page offers for a picture, most reliable first."""
    figure = image.find_parent("figure")
    if figure is not None:
        yield _text(figure.find("figcaption"))
    box = _box(image)
    if box is not None:
        yield _text(box.find(class_=_CAPTION_CLASS))
        if len(box.find_all("img")) == 1:
            yield _text(box)
    yield _text(_next_caption(image))
    yield image.get("alt", "")
    yield image.get("title", "")
    yield from (listed.get(name, "") for name in _anchors(image))


def _best(candidates):
    """The first candidate that says something, else the first that is not empty."""
    spare = ""
    for text in candidates:
        if 0 < len(text) <= _LONGEST:
            if not captions.useless(captions.clean(text), text):
                return text
            spare = spare or text
    return spare


def _box(image):
    """The nearest element around a picture that looks like a figure."""
    for parent in image.parents:
        if parent.name in ("body", "table", "[document]"):
            return None
        if _has_class(parent, _FIGURE_CLASS):
            return parent
    return None


def _next_caption(image):
    """The block after the picture's own block, where it is a caption or a centred paragraph."""
    block = _box(image) or image.find_parent(["p", "div", "center", "h1", "h2", "h3", "h4"])
    if block is None or block.name == "body":
        return None
    following = block.find_next_sibling(True)
    if following is None or following.find("img") is not None:
        return None
    if _has_class(following, _CAPTION_CLASS):
        return following
    centred = (
        following.name == "center"
        or following.get("align") == "center"
        or re.search(r"text-align:\s*center", following.get("style") or "")
        or _has_class(following, _CENTRED)
    )
    return following if centred and following.name in ("p", "div", "center") else None


def _list_of_illustrations(page):
    """{anchor: text} of links inside the page, the text of the whole entry."""
    links = {}
    for link in page.find_all("a", href=re.compile(r"^#.")):
        text = _text(link)
        if len(text) > 3 and not text.isdigit():
            links.setdefault(unquote(link["href"][1:]), text)
    return links


def _anchors(image):
    """Names by which a link can lead to a picture: its own, its parents', an anchor before it."""
    before = image.find_previous("a")
    own = before is not None and before.find_next("img") is image
    for element in [image, *list(image.parents)[:3], *([before] if own else [])]:
        yield from (element[key] for key in ("id", "name") if element.get(key))


def _has_class(element, pattern):
    return any(pattern.search(name) for name in element.get("class") or [])


def _text(element):
    """Visible text of an element, without page numbers and footnote marks."""
    if element is None:
        return ""
    parts = []
    for piece in element.find_all(string=True):
        around = [c for parent in piece.parents for c in parent.get("class") or []]
        if not {"pagenum", "fnanchor", "pageno", "pagenumber"} & {name.lower() for name in around}:
            parts.append(piece)
    return " ".join("".join(parts).split())


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
