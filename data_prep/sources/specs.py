"""Sources by name: "kind:place". A new one is a file beside this one, and a row in SOURCES.

A source takes (place, options) and yields Items: nothing is cleaned, and nothing is left out
without a word.
"""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from data_prep.sources import (
    catalogue,
    coco,
    folder,
    gutenberg,
    imagefolder,
    karpathy,
    parquet,
    prose,
    sprites,
    webdataset,
)
from data_prep.sources.pair import Item, Pair, Prose, Refusal, Title, Unread, damage, storable
from data_prep.sources.published import celeba, cub, mnist, polymnist, svhn
from mmvae.errors import UserError


def read(specs: Sequence[str], options: Namespace) -> Iterator[Item]:
    """All that the sources hold, in a fixed order; each pair and each refusal has its own id.

    Args:
        specs: list of "kind:place".
        options: the command's options (column names, groups, image size, seed, ...).

    Raises:
        UserError: an unknown kind, a group that no pair has, or what a source finds wrong.
    """
    yield from _of_groups(_all(specs, options), options)


def _all(specs, options):
    seen: Counter[str] = Counter()
    for number, spec in enumerate(specs, 1):
        kind, _, place = spec.partition(":")
        if kind not in SOURCES or not place:
            raise UserError(f"--source {spec} is not known; type one of: {', '.join(usage())}")
        prefix = f"{number}/" if len(specs) > 1 else ""
        for item in SOURCES[kind][1](place, options):
            yield _named(item, prefix, seen)


def _of_groups(items, options):
    """Yields items without the pairs of groups that were not asked for (a book, say)."""
    only, without, groups = set(options.groups), set(options.without_groups), set()
    for item in items:
        group = item.group if isinstance(item, Pair | Prose | Title) else None
        groups.add(None if isinstance(item, Title) else group)
        if group is not None and (group in without or (only and group not in only)):
            if not isinstance(item, Title):
                yield _of_others(item)
        else:
            yield item
    if unknown := (only | without) - groups:
        known = sorted(groups - {"", None})
        raise UserError(
            f"no pair belongs to group {', '.join(sorted(unknown))}; in the column "
            f"{options.group_column} (--group-column) there are: "
            f"{', '.join(known[:10]) or 'none'}{', ...' if len(known) > 10 else ''}"
        )


def _named(item, prefix, seen):
    """An item as all else knows it."""
    if isinstance(item, Pair | Refusal):
        return _identified(item, prefix, seen)
    if isinstance(item, Prose):
        return replace(item, name=prefix + storable(item.name), group=storable(item.group))
    return replace(item, group=storable(item.group)) if isinstance(item, Title) else item


def _of_others(item):
    if isinstance(item, Prose):
        return Unread("texts of other groups", item.name)
    return Unread("pairs of other groups", item.id)


def _identified(item: Pair | Refusal, prefix: str, seen: Counter[str]) -> Pair | Refusal:
    """An item with a name that no other has, and with characters that can be stored."""
    name = prefix + storable(item.picture if isinstance(item, Pair) else item.name)
    seen[name] += 1
    unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
    texts = {"caption": storable(item.caption), "group": storable(item.group)}
    if isinstance(item, Refusal):
        return replace(item, name=unique, **texts)
    fault = item.fault or (None if item.rendered else damage(item.caption))
    return replace(item, picture=name, id=unique, fault=fault, **texts)


@contextmanager
def staying(specs: Sequence[str]) -> Iterator[None]:
    """A block that reads the folders of sources, each of which must be the same at its end.

    Else every picture that was still to be read would count as missing, and what is left would
    pass for a data set.

    Raises:
        UserError: one was removed, or its disk was taken off.
    """
    places = [
        place for spec in specs for place in (spec.partition(":")[2], spec.rpartition(",")[2])
    ]
    folders = [
        path if path.is_dir() else path.parent for path in map(Path, places) if path.exists()
    ]
    before = {path: path.stat() for path in folders}
    yield
    for path, status in before.items():
        if not path.exists() or not os.path.samestat(path.stat(), status):
            raise UserError(
                f"{path} went away while it was read; see that it stays (a network folder, a "
                f"disk that was taken off?), and type the same command again"
            )


def usage() -> list[str]:
    """Every kind of source as it is typed."""
    return [f"{kind}:{place}" for kind, (place, _) in SOURCES.items()]


SOURCES = {  # kind: (what stands after the colon, the function that reads it)
    "folder": ("DIR", folder.read),
    "imagefolder": ("DIR", imagefolder.read),
    "coco": ("ANNOTATIONS.json,IMAGES", coco.read),
    "karpathy": ("DATASET.json,IMAGES", karpathy.read),
    "parquet": ("FILE_OR_DIR", parquet.read),
    "webdataset": ("TAR_OR_DIR", webdataset.read),
    "tfds": ("NAME", catalogue.read),
    "gutenberg": ("DIR_OR_ZIP_OR_EPUB_OR_NUMBER", gutenberg.read),
    "prose": ("DIR_OR_ARCHIVE", prose.read),
    "sprites": ("LEVEL", sprites.read),
    "mnist": ("DIR", mnist.read),
    "svhn": ("DIR", svhn.read),
    "polymnist": ("DIR_OR_DIR,VIEW", polymnist.read),
    "cub": ("DIR", cub.read),
    "celeba": ("DIR", celeba.read),
}
