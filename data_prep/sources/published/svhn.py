"""SVHN, cropped digits (Netzer et al. 2011): train_32x32.mat, test_32x32.mat, extra_32x32.mat.

MNIST-SVHN pairs its pictures with MNIST's of the same digit. A row here has one picture, so that
they are two sources of one set.
"""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from scipy import io

from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item
from data_prep.sources.published import digits
from mmvae.errors import UserError

_FILES = {"train_32x32.mat": "train", "extra_32x32.mat": "train", "test_32x32.mat": "test"}


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with train_32x32.mat and test_32x32.mat, perhaps with extra_32x32.mat, which trains.

    Raises:
        UserError: no such files, or a damaged one.
    """
    inventory = Inventory(Path(place))
    files = [name for name in _FILES if (inventory.root / name).is_file()]
    if not files:
        raise UserError(f"svhn:{place} has no train_32x32.mat and no test_32x32.mat")
    for name in files:
        images, labels = _arrays(inventory.take(name))
        stem, split = name.partition("_")[0], _FILES[name]
        for number, label in enumerate(labels):
            # Zero is stored as 10.
            pixels, digit = images[..., number], int(label) % 10
            yield digits.pair(f"{stem}/{number:06d}", pixels, digit, split, options.image_size)
    yield from inventory.left()


def _arrays(path):
    """(uint8 [32, 32, 3, N], labels [N] from 1 to 10)."""
    try:
        content = io.loadmat(path)
        images, labels = content["X"], content["y"].ravel()
    except Exception as error:  # SciPy raises what its readers do, down to zlib and struct
        raise UserError(f"{path} cannot be read: {error}; download that file again") from error
    if images.ndim != 4 or images.dtype != "uint8" or images.shape[3] != len(labels):
        raise UserError(f"{path} has pictures {images.shape} and {len(labels)} labels, not SVHN's")
    return images, labels
