"""The files of books: under a folder, or in an archive (a zip, an EPUB)."""

import io
import posixpath
import unicodedata
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from data_prep.sources.inventory import Inventory, kind
from data_prep.sources.pair import Unread, printable
from mmvae.errors import UserError

PAGES = (".htm", ".html", ".xhtml")
ARCHIVES = (".epub",)
MAX_FILE = 64 * 2**20  # bytes of one file in an archive, unpacked
MAX_ARCHIVE = 2 * 2**30  # bytes of all of them


class Shelf(ABC):
    """Files by their names, relative to the shelf, with "/" between the parts.

    Attributes:
        name: what the shelf is called, the first part of every path.
        files: all names.
    """

    name: str
    files: list[str]

    @property
    def pages(self) -> list[str]:
        """Names of the pages."""
        return [name for name in self.files if posixpath.splitext(name)[1].lower() in PAGES]

    @cached_property
    def names(self) -> frozenset[str]:
        """All names, to look one up."""
        return frozenset(self.files)

    def find(self, name: str) -> str:
        """The file of a name, also where case or the form of an accent differ; "" for none."""
        return name if name in self.names else self._plain.get(_plain(name), "")

    @abstractmethod
    def content(self, name: str) -> bytes | None:
        """Bytes of a file; None where it is damaged, gone, encrypted or packed unusually."""

    @abstractmethod
    def picture(self, name: str) -> Path | bytes | None:
        """A picture as cleaning takes it; None as `content`."""

    @abstractmethod
    def left(self) -> Iterator[Unread]:
        """The files that nobody read."""

    @cached_property
    def _plain(self):
        return {_plain(name): name for name in self.files}


class Folder(Shelf):
    """The files under a folder."""

    def __init__(self, root: Path) -> None:
        self.name = printable(root.name)
        self._inventory = Inventory(root)
        self.files = self._inventory.files

    def content(self, name: str) -> bytes | None:
        """Bytes of a file; None where it cannot be read."""
        try:
            return self._inventory.take(name).read_bytes()
        except OSError:
            return None

    def picture(self, name: str) -> Path:
        """Path of a picture."""
        return self._inventory.take(name)

    def left(self) -> Iterator[Unread]:
        """The files that nobody read."""
        return self._inventory.left()


class Archive(Shelf):
    """The files in a zip or an EPUB.

    Raises:
        UserError: it is no archive, or unpacks to more than is safe.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # a dozen kinds, on bytes that are not what they say
            raise UserError(
                f"gutenberg:{name} is not a zip archive that can be read: {error}"
            ) from error
        sizes = {i.filename: i.file_size for i in self._archive.infolist() if not i.is_dir()}
        if max(sizes.values(), default=0) > MAX_FILE or sum(sizes.values()) > MAX_ARCHIVE:
            raise UserError(f"gutenberg:{name} unpacks to more than is safe; unpack and check it")
        self.files = sorted(sizes, key=lambda file: file.split("/"))
        self._read: set[str] = set()

    def content(self, name: str) -> bytes | None:
        """As for any shelf."""
        self._read.add(name)
        try:
            return self._archive.read(name)
        except Exception:  # as many kinds
            return None

    def picture(self, name: str) -> bytes | None:
        """Bytes of a picture; None as `content`."""
        return self.content(name)

    def left(self) -> Iterator[Unread]:
        """The files that nobody read."""
        for name in self.files:
            if name not in self._read:
                yield Unread(kind(name), printable(name))


def _plain(name):
    return unicodedata.normalize("NFC", name).casefold()
