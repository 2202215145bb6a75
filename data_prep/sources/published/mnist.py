"""MNIST as LeCun et al. distribute it: four IDX files, plain or gzipped."""

import posixpath
import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item
from data_prep.sources.published import digits, idx
from mmvae.errors import UserError

_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
_SPLITS = {"train": "train", "t10k": "test"}


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-..., at any depth.

    Raises:
        UserError: no such files, pictures without their digits, or a damaged file.
    """
    inventory = Inventory(Path(place))
    files = _files(inventory)
    if not files:
        raise UserError(
            f"mnist:{place} has none of MNIST's files; it needs train-images-idx3-ubyte and "
            f"train-labels-idx1-ubyte (or .gz), and those of t10k"
        )
    for part, split in _SPLITS.items():
        if part in {one for one, _ in files}:
            yield from _pairs(inventory, files, part, split, options.image_size)
    yield from inventory.left()


def _files(inventory):
    """{(part, "images" or "labels"): name}; where a file is there plain and gzipped, the plain."""
    files = {}
    for name in sorted(inventory.files, key=lambda name: (name.endswith(".gz"), name)):
        if match := _NAME.fullmatch(posixpath.basename(name)):
            files.setdefault(match.groups(), name)
    return files


def _pairs(inventory, files, part, split, size):
    absent = [what for what in ("images", "labels") if (part, what) not in files]
    if absent:
        raise UserError(f"{inventory.root} lacks {part}-{absent[0]}-idx; download it too")
    images, labels = (idx.read(inventory.take(files[part, what])) for what in ("images", "labels"))
    if images.ndim != 3 or labels.shape != images.shape[:1] or not (labels < 10).all():
        raise UserError(
            f"{inventory.root / files[part, 'images']} has shape {images.shape} and its labels "
            f"{labels.shape}; these must be pictures and a digit below 10 for each"
        )
    for number, (pixels, digit) in enumerate(zip(images, labels.tolist(), strict=True)):
        yield digits.pair(f"{split}/{number:05d}", pixels, digit, split, size)
