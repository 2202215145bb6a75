"""The files under a folder: who takes which, and what nobody takes."""

import os
import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from PIL import Image

from data_prep.sources.pair import Unread, printable, storable
from mmvae.data.pictures import FORMATS

PICTURES = frozenset(  # suffixes that Pillow reads here
    suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")
)
ELSEWHERE = "(outside the folder)"


class Inventory:
    """The files under `root`, links to folders followed, each folder once.

    Readers `find` the pictures that tables name and `take` what they read; `left` tells the rest.
    Names are relative to the root, with "/" between the parts.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._taken: set[str] = set()
        self._others: list[Unread] = []  # what is no file
        self._folders: dict[str, str] = {}  # real path: name

    @cached_property
    def files(self) -> list[str]:
        """Names of all files, folder by folder."""
        return sorted(self._walk(), key=lambda name: name.split("/"))

    def is_free(self, name: str) -> bool:
        """Whether nobody took a file yet."""
        return name not in self._taken

    def take(self, name: str) -> Path:
        """Path of a file, which counts as read from now on."""
        self._taken.add(name)
        return self.root / name

    def picture(self, name: str, folder: str = "") -> Path:
        """Path of a picture that a table in a folder names, taken; a missing one has one too.

        Nothing outside the root is ever read.
        """
        for form in (name, name.strip(), name.strip().replace("\\", "/")):
            place = _joined(folder, form)
            for accents in ("NFC", "NFD"):  # file systems disagree on how an accent is stored
                if form and self._is_file(unicodedata.normalize(accents, place)):
                    return self.take(unicodedata.normalize(accents, place))
        place = _joined(folder, name)
        if not name.strip() or _leads_out(place) or not _is_possible(place):
            return self.root / ELSEWHERE / (printable(os.path.basename(name))[:100] or "(no name)")
        return self.root / place

    def relative(self, name: str, folder: str) -> str:
        """A name as it is seen from a folder; another one only for a full path into the root."""
        top = f"{self.root.absolute()}/"
        inside = name.startswith(top)
        return posixpath.relpath(name[len(top) :], folder or ".") if inside else name

    def base(self, names: Iterable[str], folder: str) -> str:
        """The folder that the pictures' names of a table are relative to: the table's own, or,
        where none of them is there, the one below it that has most of them."""
        names = [name.strip() for name in names]
        if any(self._is_file(_joined(folder, name)) for name in names):
            return folder
        inside = f"{folder}/" if folder else ""
        counts = Counter(
            file[: -len(name) - 1]
            for name in names
            for file in self._by_name.get(posixpath.basename(name), ())
            if file.startswith(inside) and file.endswith(f"/{name}")
        )
        (best, most), (_, next_most) = [*counts.most_common(2), ("", 0), ("", 0)][:2]
        return best if most > next_most else folder

    def left(self) -> Iterator[Unread]:
        """What no reader took."""
        files, read = self.files, set(self._taken)
        for name in self._taken.difference(files):  # named by way of a link that was not followed
            folder, _, bare = name.rpartition("/")
            listed = self._folders.get(os.path.realpath(self.root / folder), folder)
            read.add(posixpath.join(listed, bare))
        for name in files:
            if name not in read:
                missing = not (self.root / name).exists()
                yield Unread("links" if missing else kind(name), printable(name))
        yield from self._others

    def _is_file(self, name):
        try:
            return not _leads_out(name) and os.path.isfile(self.root / name)
        except ValueError:  # a name that no file system takes
            return False

    @cached_property
    def _by_name(self):
        names = defaultdict(list)
        for name in self.files:
            names[posixpath.basename(name)].append(name)
        return names

    def _walk(self):
        """Yields the names of files; folders of the tree come before those behind links."""
        root = os.path.realpath(self.root)
        waiting, links = [""], []
        while waiting or links:
            behind_link = not waiting
            folder = links.pop(0) if behind_link else waiting.pop()
            real = os.path.realpath(self.root / folder)
            if real in self._folders or (behind_link and _holds(real, root)):
                if behind_link:
                    self._others.append(Unread("links", printable(folder)))
                continue
            self._folders[real] = folder
            for entry in self._entries(folder):
                name = posixpath.join(folder, entry.name)
                kind = _kind(entry)
                if kind == "folder":
                    (links if entry.is_symlink() else waiting).append(name)
                elif kind == "file":
                    yield name
                else:
                    self._others.append(Unread("special files", printable(name)))

    def _entries(self, folder):
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted((e for e in entries if not _is_ours(e.name)), key=_by_name)
        except OSError:
            self._others.append(Unread("folders that cannot be opened", printable(folder)))
            return []


def _kind(entry):
    """ "folder", "file" (also a link to nothing) or "" for what is neither, links followed."""
    if not entry.is_symlink():
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    if os.path.isdir(entry.path):  # `entry` raises for a link to itself
        return "folder"
    return "file" if os.path.isfile(entry.path) or not os.path.exists(entry.path) else ""


def suffix(name: str) -> str:
    """Suffix of a file's name in lower case, with its dot; "" for none."""
    return posixpath.splitext(name)[1].lower()


def kind(name: str) -> str:
    """What a file that is not read counts as: its suffix, else its name."""
    return printable(suffix(name) or posixpath.basename(name))


def _joined(folder, name):
    return posixpath.normpath(posixpath.join(folder, name))


def _leads_out(path):
    return path.startswith(("/", "../")) or path == ".."


def _is_possible(name):
    """Whether a file can have a name: a picture of another one is missing."""
    return name == storable(name) and "\0" not in name and max(map(len, name.split("/"))) < 256


def _holds(folder, inner):
    return inner.startswith(folder.rstrip("/") + "/")


def _is_ours(name):
    """Whether a file or folder is what preparation works with, where --out lies in the source."""
    return name.startswith(".") and name.endswith((".lock", ".partial", ".old"))


def _by_name(entry):
    return entry.name
