"""What a source yields: pairs as others made them, and what it refuses, passes over, makes out.

Nothing disappears in a source: every file under its place and every row of a table ends as a
Pair, as Prose, as a Title, as a Refusal, or as Unread.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.stages.images import Refused
from mmvae.errors import UserError

_LOST = re.compile("[\ufffd\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")


@dataclass(frozen=True)
class Pair:
    """One picture with one caption, as found.

    Attributes:
        picture: name of the picture; pairs with the same name show the same picture.
        image: path of its file, or its bytes.
        caption: raw caption, "" where there is none.
        group: what must not be torn over splits (a book), "" where unknown.
        split: the split that a column of the source says, "" to let the hash decide.
        attributes: ground truth as a JSON object.
        rendered: made for training: [S, S] PNG that needs no cleaning and no duplicate search.
        id: unique name, set by `specs.read`.
        named_split: the split that a folder or a file is named after, "" for none.
        fault: why the caption cannot be used, None where it can.
    """

    picture: str
    image: Path | bytes
    caption: str
    group: str = ""
    split: str = ""
    attributes: str = "{}"
    rendered: bool = False
    id: str = ""
    named_split: str = ""
    fault: Refused | None = None


@dataclass(frozen=True)
class Refusal:
    """An input that gives no pair: a row of `rejected.csv`.

    Attributes:
        name: the picture's, or where the input stands.
        refused: why, in short and in detail.
        caption: raw caption, as far as it was read.
        group: the group that it says, "" where unknown.
    """

    name: str
    refused: Refused
    caption: str = ""
    group: str = ""


@dataclass(frozen=True)
class Unread:
    """A file, or another thing, that no reader takes: counted by its kind (".heic", "links")."""

    kind: str
    name: str


@dataclass(frozen=True)
class Note:
    """What a reader made out by itself, about a file; `hint` where it says what to type."""

    text: str
    about: str = ""
    hint: bool = False


@dataclass(frozen=True)
class Prose:
    """Running text without pictures, of a group: its sentences may become rows.

    Attributes:
        name: of its file or page.
        text: all of it.
        group: as that of pairs.
    """

    name: str
    text: str
    group: str


@dataclass(frozen=True)
class Title:
    """What a group is called: by its title, volumes of one work are known.

    Attributes:
        group: as that of pairs.
        title: with volume, edition and subtitle.
        author: "Last, First; Last, First", "" where only the title says it.
        work: the name of the work, where the source says it itself.
    """

    group: str
    title: str
    author: str = ""
    work: str = ""


Item = Pair | Refusal | Unread | Note | Prose | Title


def of_several(files: Sequence[tuple[str, Iterable[Item]]], kind: str) -> Iterator[Item]:
    """Items of several files; one that cannot be read is refused and does not stop the others.

    Args:
        files: the name and the items of each.
        kind: what they are: "book".

    Raises:
        UserError: none of them can be read; it is the error of the first.
    """
    errors = []
    for name, items in files:
        try:
            yield from items
        except UserError as error:
            errors.append((name, error))
    if errors and len(errors) == len(files):
        raise errors[0][1]
    for name, error in errors:
        yield Refusal(printable(name), Refused(f"{kind} cannot be read", str(error)))


def storable(text: str) -> str:
    """Text that can be written as UTF-8: what is no character stands as \\ud83d, \\xff."""
    try:
        return os.fsencode(text).decode(errors="backslashreplace")
    except UnicodeEncodeError:  # half a surrogate pair, from JSON
        return text.encode(errors="backslashreplace").decode()


def printable(name: str) -> str:
    """A file's name in one line: bytes that are not UTF-8 as \\xff, a line's end as \\x0a."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", storable(name))


def damage(caption: str) -> Refused | None:
    """Why the characters of a raw caption cannot be trusted; None where they can."""
    if _LOST.search(caption):
        return Refused("caption has lost characters", "it was decoded wrongly before it came here")
    if _NO_TEXT.search(caption):
        return Refused("caption holds control characters", "its encoding is not UTF-8, or no text")
    return None
