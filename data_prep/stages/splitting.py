"""Which pair goes to train, val or test: decided by a hash of its group, never by chance."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mmvae.errors import UserError

SPLITS = ("train", "val", "test")
_ALIASES = {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}


def order(name: str) -> int:
    """A number in [0, 2^64) that depends only on the name: the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def assign(
    keys: Sequence[str],
    given: Sequence[str],
    fractions: Mapping[str, float],
    pictures: Sequence[str] = (),
) -> list[str]:
    """The split of each pair; pairs that share a key share a split.

    A split that `given` names is exactly as given. A split that it never names is carved out
    of the rest: whole keys, in the order of their hash, until its fraction of all pairs is met.

    Args:
        keys: N names of what must not be torn apart (a book, a picture).
        given: N split names from the source, "" where it names none.
        fractions: {"val": share of pairs, "test": share of pairs}.
        pictures: N finer keys, where there are any: what to advise where the keys are too few.

    Raises:
        UserError: an unknown split name, or a split that comes out empty.
    """
    given = known(given)
    chosen = _choose(keys, given, fractions)
    if empty := _empty(chosen, fractions):
        finer = bool(pictures) and not _empty(_choose(pictures, given, fractions), fractions)
        raise UserError(_advice(empty, len(chosen), len(set(keys)), finer))
    return chosen


def _choose(keys, given, fractions):
    free = Counter(key for key, name in zip(keys, given, strict=True) if name in ("", "train"))
    for key, name in zip(keys, given, strict=True):
        if name in SPLITS[1:]:
            free.pop(key, None)
    wanted = {name: share for name, share in fractions.items() if name not in given}
    carved = _carve(free, {name: share * len(keys) for name, share in wanted.items()})
    return [
        name if name in SPLITS[1:] else carved.get(key, "train")
        for key, name in zip(keys, given, strict=True)
    ]


def of_folders(path: str, root: str = "") -> str:
    """The split that a folder of a path (its parts between "/") is named after, else the root."""
    return next(filter(None, map(_named, path.split("/")[:-1])), "") or _named(root)


def of_file(path: str, root: str = "") -> str:
    """The split that a file of many pairs is named after: by its folders, itself, or the root.

    `captions_val2014.json` and `train-00000-of-00004.parquet` say it by a word of their names.
    """
    words = re.split(r"[^a-z]+", path.lower().rpartition("/")[2])
    return of_folders(path) or next(filter(None, map(_named, words)), "") or _named(root)


def one_each(pictures: Sequence[str], given: Sequence[str]) -> list[str]:
    """The split of each pair; a picture that stands in several goes to the one held out most."""
    held_out = ("", *SPLITS)
    most: dict[str, str] = {}
    for picture, name in zip(pictures, known(given), strict=True):
        most[picture] = max(name, most.get(picture, ""), key=held_out.index)
    return [most[picture] for picture in pictures]


def known(given: Sequence[str]) -> list[str]:
    """Split names as they are called here, "" where there is none.

    Raises:
        UserError: an unknown one.
    """
    return [_known(name) for name in given]


def whole(pictures: Sequence[str], groups: Sequence[str]) -> list[str]:
    """A key for each pair: its group, or its picture's name where it has none (""); groups that
    share a picture have one key, so that no picture is in two splits."""
    parent: dict[str, str] = {}

    def top(group):
        while parent.get(group, group) != group:
            group = parent[group]
        return group

    first: dict[str, str] = {}
    keys = [group or picture for picture, group in zip(pictures, groups, strict=True)]
    for picture, key in zip(pictures, keys, strict=True):
        mine, other = top(key), top(first.setdefault(picture, key))
        parent[mine] = other
    return [top(key) for key in keys]


def _named(word: str) -> str:
    """The split that a word means, with a year or not: "Validation", "val_2014"."""
    bare = re.sub(r"[\W_]*\d*$", "", word.lower())
    name = _ALIASES.get(bare, bare)
    return name if name in SPLITS else ""


def _carve(sizes, targets):
    """{key: split} for the keys taken out of train: near the target, at least one each."""
    carved = {}
    for split, target in targets.items():
        waiting = sorted(sizes.keys() - carved.keys(), key=order)
        if target == 0 or len(waiting) < 2:  # the last key is for train
            continue
        for key in _nearest(waiting, sizes, target)[: len(waiting) - 1]:
            carved[key] = split
    return carved


def _nearest(waiting, sizes, target):
    """Keys in order until their pairs reach the target, passing over those much too large."""
    taken, total = [], 0
    for key in waiting:
        if total + sizes[key] / 2 <= target:
            taken.append(key)
            total += sizes[key]
    return taken or [min(waiting, key=sizes.get)]


def _known(name):
    name = _ALIASES.get(name.strip().lower(), name.strip().lower())
    if name and name not in SPLITS:
        raise UserError(f"split '{name}' is not known; use one of: {', '.join(SPLITS)}")
    return name


def _empty(chosen, fractions):
    """Splits that should have pairs and have none."""
    wanted = ["train", *(name for name, share in fractions.items() if share > 0)]
    return [name for name in wanted if name not in chosen]


def _advice(empty, pairs, groups, finer):
    """What to type; what is advised works."""
    if "train" in empty:
        return f"nothing is left to train on: all {pairs} pairs are marked as val or test"
    flags = " ".join(f"--{name}-fraction 0" for name in empty)
    return (
        f"split {', '.join(empty)} would be empty: {pairs} pairs in {groups} groups are too few; "
        f"type {'--split-by pair, or ' if finer else ''}{flags}, or add pairs"
    )
