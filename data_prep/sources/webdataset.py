"""Shards of webdataset and img2dataset: tar files in which files of one name are one sample."""

import tarfile
import zlib
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from data_prep.sources import sidecars, text
from data_prep.sources.inventory import PICTURES, Inventory
from data_prep.sources.pair import Item, Note, Pair, Refusal, Unread, of_several, printable
from data_prep.stages import splitting
from data_prep.stages.images import Refused
from mmvae.errors import UserError

_SHARDS = (".tar", ".tgz", ".tar.gz")
_MAX_FILE = 64 * 2**20  # bytes of one file


def read(place: str, options: Namespace) -> Iterator[Item]:
    """FILE.tar, or a folder of shards: a picture with a `.txt`, or a `.json` with its caption.

    Raises:
        UserError: no shard there, or one is damaged.
    """
    path = Path(place)
    inventory = Inventory(path if path.is_dir() else path.parent)
    names = inventory.files if path.is_dir() else [path.name] if path.is_file() else []
    shards = [name for name in names if name.lower().endswith(_SHARDS)]
    if not shards:
        raise UserError(f"webdataset:{place} is no .tar file and no folder with one")
    root = inventory.root.absolute().name
    items = [(name, _shard(inventory.take(name), name, root, options)) for name in shards]
    yield from of_several(items, "shard")
    if path.is_dir():
        yield from inventory.left()


def _shard(path, shard, root, options):
    split, names = splitting.of_file(shard, root), Counter()
    try:
        if path.suffix.lower() == ".tar" and not _ends_well(path):
            yield Note("does not end as a tar file does: is it cut off?", printable(shard))
        with tarfile.open(path, "r|*") as archive:
            files = (_read(archive, member) for member in archive if not member.isdir())
            for key, sample in groupby(files, lambda file: file.key):
                names[key] += 1  # a key that comes again is another sample
                name = f"{shard}/{key}" + (f"~{names[key]}" if names[key] > 1 else "")
                yield from _sample(printable(name), list(sample), split, options)
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read to its end: {error}; download it again") from error


@dataclass(frozen=True)
class _File:
    """A file of a sample: its suffix is all that follows the first dot of its name."""

    key: str
    suffix: str
    content: bytes = b""
    size: int = 0


def _read(archive, member):
    folder, _, base = member.name.rpartition("/")
    key, dot, rest = base.partition(".")
    key, kind = (f"{folder}/{key}" if folder else key), (dot + rest).lower()
    if not member.isfile():
        return _File(key, "links")
    wanted = kind in PICTURES or kind in (*sidecars.SUFFIXES, ".json")
    small = wanted and member.size <= _MAX_FILE
    return _File(key, kind, archive.extractfile(member).read() if small else b"", member.size)


def _sample(name, files, split, options):
    """Pairs of the first picture of a sample with its captions; what else it holds is not read."""
    pictures = [file for file in files if file.suffix in PICTURES]
    captions, fault, told_in = _captions(files, options)
    for file in files:
        if file not in (*pictures[:1], *told_in):
            yield Unread(file.suffix or "files without a suffix", f"{name}{file.suffix}")
    if pictures and pictures[0].size > _MAX_FILE:
        refused = Refused("picture too large to be one", f"{pictures[0].size} bytes")
        yield Refusal(name + pictures[0].suffix, refused, captions[0])
    elif pictures:
        named = split or splitting.of_folders(name.partition("/")[2])
        for caption in captions:
            picture = pictures[0]
            yield Pair(
                name + picture.suffix, picture.content, caption, named_split=named, fault=fault
            )
    elif told_in:
        yield Refusal(name, Refused("sample has no picture"), captions[0])


def _captions(files, options):
    """(captions, why they cannot be used, the files that were read for them) of a sample."""
    kinds = {file.suffix: file for file in reversed(files)}
    file = next((kinds[kind] for kind in sidecars.SUFFIXES if kind in kinds), None)
    facts = kinds.get(".json")
    used = [one for one in (file, facts) if one]
    try:
        if file:
            content = text.decode(file.content)
            return text.lines(content, options.lines == "captions"), None, used
        if facts:
            value = text.parse_json(text.decode(facts.content))
            value = value.get(options.caption_column) if isinstance(value, dict) else None
            return text.captions(value), None, used
    except ValueError as error:
        kind = (file or facts).suffix
        return [""], Refused("caption file cannot be read", f"{kind}: {error}"), used
    return [""], None, used


def _ends_well(path):
    """Whether a tar file ends in whole blocks of zeros."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 512))
        return size % 512 == 0 and not any(file.read())
