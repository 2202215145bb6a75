"""Pictures with a text file each: `a.jpg` and `a.txt`, `a.caption` or `a.jpg.txt`."""

import posixpath
import unicodedata
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator

from data_prep.sources import text
from data_prep.sources.inventory import PICTURES, Inventory, suffix
from data_prep.sources.pair import Item, Note, Pair, Refusal, printable
from data_prep.stages import splitting
from data_prep.stages.images import Refused

SUFFIXES = (".txt", ".caption")  # the first wins where a picture has both


def pairs(inventory: Inventory, options: Namespace, among: Callable[[str], bool]) -> Iterator[Item]:
    """A pair for each picture that nobody took yet, and for each of its captions.

    A caption file beside a file that is no picture is refused: its picture's format is not read.

    Args:
        inventory: the files.
        options: `lines`, what several lines of a caption file mean.
        among: whether a file is to be looked at.
    """
    names = [n for n in inventory.files if inventory.is_free(n) and among(n)]
    captions = _by_stem(name for name in names if suffix(name) in SUFFIXES)
    several = 0
    for name in (name for name in names if suffix(name) in PICTURES):
        sidecar = _own(name, captions.get(_stem(name)) or captions.get(_normal(name), []))
        content, fault = _read(inventory, sidecar) if sidecar else ("", None)
        parts = text.lines(content, options.lines == "captions")
        several += len(text.lines(content, True)) > 1
        for caption in parts:
            yield Pair(
                picture=printable(name),
                image=inventory.take(name),
                caption=caption,
                named_split=splitting.of_folders(name, inventory.root.absolute().name),
                fault=fault,
            )
    if several:
        yield _said(several, options.lines)
    yield from _unreadable(names, captions, inventory)


def _unreadable(names, captions, inventory):
    """Refusals of caption files that no picture has, beside a file of their name."""
    others = [name for name in names if suffix(name) not in SUFFIXES]
    beside = _by_stem(others) | {_normal(name): [name] for name in others}
    for stem, (sidecar, *_) in captions.items():
        other = beside.get(stem, [""])[0]
        if inventory.is_free(sidecar) and other and inventory.is_free(other):
            inventory.take(other)
            caption, _ = _read(inventory, sidecar)
            detail = f"{suffix(other) or 'no suffix'}; its caption is in {printable(sidecar)}"
            yield Refusal(printable(other), Refused("picture format is not read", detail), caption)


def _read(inventory, name):
    """(text, why it cannot be used) of a caption file."""
    path, shown = inventory.take(name), printable(name)
    try:
        content = text.decode(path.read_bytes())
    except ValueError as error:
        return "", Refused("caption file is not UTF-8", f"{shown}: {error}")
    except OSError as error:
        return "", Refused("caption file cannot be read", f"{shown}: {error.strerror}")
    if len(content) > text.MAX_CAPTION:
        return "", Refused("caption file is too long", f"{shown}: {len(content)} characters")
    return content, None


def _said(several, way):
    if way == "captions":
        return Note(f"caption files with several lines ({several}): each line is a caption")
    hint = "--lines captions takes each line as a caption of its own"
    return Note(f"caption files with several lines ({several}): all are one caption; {hint}")


def _by_stem(names):
    """{folder and name without suffix: the names}, those first that are likeliest."""
    rank = {suffix: place for place, suffix in enumerate(SUFFIXES)}
    grouped = defaultdict(list)
    for name in names:
        grouped[_stem(name)].append(name)
    return {s: sorted(some, key=lambda n: rank.get(suffix(n), 9)) for s, some in grouped.items()}


def _own(picture, sidecars):
    """The caption file of a picture among those of its name, "" for none: of `a.txt` and `a.TXT`
    the one whose suffix is written as the picture's."""
    capitals = posixpath.splitext(picture)[1].isupper()
    best = [name for name in sidecars if suffix(name) == suffix(sidecars[0])]
    alike = [name for name in best if posixpath.splitext(name)[1].isupper() == capitals]
    return next(iter([*alike, *best]), "")


def _stem(name):
    return _normal(posixpath.splitext(name)[0])


def _normal(name):
    return unicodedata.normalize("NFC", name)
