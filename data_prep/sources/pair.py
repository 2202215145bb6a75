"""What a source yields: pairs, as they were made by others, and the safe paths of pictures."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Pair:
    """One picture with one caption, as found.

    Attributes:
        picture: name of the picture; pairs with the same name show the same picture.
        image: path of its file, or its bytes.
        caption: raw caption, "" where there is none.
        group: what must not be torn over splits (a book), "" where unknown.
        split: "train", "val", "test", or "" to let the hash decide.
        attributes: ground truth as a JSON object.
        made: drawn for training: [S, S] PNG that needs no cleaning and no duplicate search.
        id: unique name, set by `read`.
    """

    picture: str
    image: Path | bytes
    caption: str
    group: str = ""
    split: str = ""
    attributes: str = "{}"
    made: bool = False
    id: str = ""


def inside(root: Path, name: str) -> Path:
    """Path of a picture; a name that leads out of the folder is treated as missing."""
    if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return root / "(outside the folder)" / (os.path.basename(name) or "(no name)")
    for form in ("NFC", "NFD"):  # file systems disagree on how an accent is stored
        path = root / unicodedata.normalize(form, name)
        if path.exists():
            return path
    return root / name


def printable(path: Path) -> str:
    """A file name as text, with bytes that are not UTF-8 shown as a replacement mark."""
    return os.fsencode(path.as_posix()).decode(errors="replace")
