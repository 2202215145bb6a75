"""Texts without pictures: a folder or an archive of text files, one for each group (a book)."""

import posixpath
import tarfile
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import text
from data_prep.sources.inventory import Inventory, kind, suffix
from data_prep.sources.pair import Item, Prose, Refusal, Unread, printable
from data_prep.stages.images import Refused
from mmvae.errors import UserError

_MOST = 256 * 2**20  # bytes of a text in an archive, unpacked; more is no book


def read(place: str, options: Namespace) -> Iterator[Item]:
    """The text files at a place; a file's name without its suffix is its group.

    Args:
        place: folder, or a .zip or .tar archive (.tar.gz, .tar.xz) of one.
        options: not needed.

    Raises:
        UserError: nothing there, a bad archive, or no text file in it.
    """
    path = Path(place)
    if not path.exists():
        raise UserError(f"prose:{place} is not there; give a folder or an archive of .txt files")
    some = False
    for name, content in _files(path):
        if content is None:
            yield Unread(kind(name), printable(name))
        else:
            some = True
            yield _prose(name, content)
    if not some:
        raise UserError(f"prose:{place} has no .txt file; it needs one for each book or group")


def _files(path):
    """(name, bytes of a text, or None of another file) in the order of their names."""
    if path.is_dir():
        inventory = Inventory(path)
        for name in inventory.files:
            yield name, inventory.take(name).read_bytes() if _is_text(name) else None
        return
    try:
        yield from _zipped(path) if zipfile.is_zipfile(path) else _tarred(path)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise UserError(f"prose:{path} is no archive that can be read: {error}") from error


def _tarred(path):
    with tarfile.open(path) as archive:
        contents = {}
        for member in archive:  # one pass: to go back would unpack anew
            if member.isfile():
                taken = _is_text(member.name) and member.size <= _MOST
                contents[member.name] = archive.extractfile(member).read() if taken else None
    yield from sorted(contents.items())


def _zipped(path):
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in sorted(members, key=lambda member: member.filename):
            taken = _is_text(member.filename) and member.file_size <= _MOST
            yield member.filename, archive.read(member) if taken else None


def _is_text(name):
    return suffix(name) == ".txt"


def _prose(name, content):
    group = printable(posixpath.splitext(posixpath.basename(name))[0])
    try:
        return Prose(printable(name), text.decode(content), group)
    except ValueError as error:
        return Refusal(printable(name), Refused("text file is not UTF-8", str(error)), group=group)
