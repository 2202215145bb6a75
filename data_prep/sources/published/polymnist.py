"""PolyMNIST (Sutter et al. 2021, "Generalized Multimodal ELBO"): digits on five backgrounds.

A row of the paper is the pictures m0/I.D.png .. m4/I.D.png of one index I and digit D. A row here
has one picture: each view is a picture of its own, with the digit's name.
"""

import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item, Refusal, printable
from data_prep.sources.published import digits
from data_prep.stages.images import Refused
from mmvae.errors import UserError

_NAME = re.compile(r"(?:.*/)?(train|test)/(m\d+)/(\d+)\.(\d)\.png")


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with train/m0 .. train/m4 and test/m0 ..; "DIR,m2" takes one view alone.

    Raises:
        UserError: no such pictures.
    """
    folder, _, view = place.rpartition(",") if re.search(r",m\d+$", place) else (place, "", "")
    inventory = Inventory(Path(folder))
    matches = [match for match in map(_NAME.fullmatch, inventory.files) if match]
    chosen = [match for match in matches if view in ("", match[2])]
    if not chosen:
        views = ", ".join(sorted({match[2] for match in matches})) or "none"
        raise UserError(
            f"polymnist:{place} has no pictures; it needs train/m0/INDEX.DIGIT.png and so on, and "
            f"of views it has: {views}"
        )
    for match in chosen:
        yield _item(inventory, match, options.image_size)
    yield from inventory.left()


def _item(inventory, match, size):
    """The pair of a picture; those of one index are one group."""
    split, _, index, digit = match.groups()
    path, name = inventory.take(match[0]), printable(match[0])
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # as Pillow tells a damaged PNG
        return Refusal(name, Refused("picture unreadable", str(error)), digits.NAMES[int(digit)])
    return digits.pair(name, pixels, int(digit), split, size, group=f"{split}/{index}")
