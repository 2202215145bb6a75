"""CUB-200-2011 (Wah et al. 2011), with the captions of Reed et al. 2016 where they are there."""

import json
import posixpath
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import text
from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item, Note, Pair, printable
from data_prep.sources.published import lists
from data_prep.stages.images import Refused
from mmvae.errors import UserError

_SPLITS = {"1": "train", "0": "test"}  # of train_test_split.txt: "is a training picture"


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR that holds CUB_200_2011 (images.txt, classes.txt, image_class_labels.txt,
    train_test_split.txt and images/) and, beside or in it, a folder of ten captions a picture.

    Without captions, a bird's species is its caption.

    Raises:
        UserError: a list is not there, or says nothing of a picture.
    """
    inventory = Inventory(Path(place))
    images = lists.read(inventory, "images.txt", "cub")
    classes, labels, splits = (
        lists.read(inventory, f"{name}.txt", "cub")
        for name in ("classes", "image_class_labels", "train_test_split")
    )
    folder = posixpath.join(posixpath.dirname(lists.find(inventory, "images.txt")), "images")
    sentences = _Captions(inventory, images.values())
    for number, name in images.items():
        try:
            species = classes[labels[number]].partition(".")[2].replace("_", " ")
            split = _SPLITS[splits[number]]
        except KeyError as error:
            raise UserError(f"cub:{place}: the lists tell nothing of picture {name}") from error
        captions, fault = sentences.of(name) or ([species], None)
        picture, facts = inventory.picture(name, folder), json.dumps({"species": species})
        for caption in captions:
            yield Pair(
                printable(name), picture, caption, split=split, attributes=facts, fault=fault
            )
    if not sentences.read:
        yield Note("no captions are beside CUB_200_2011 (text_c10/): species are the captions")
    yield from inventory.left()


class _Captions:
    """Text files named as the pictures, a caption a line."""

    def __init__(self, inventory, names):
        self._inventory = inventory
        self._folder = inventory.base([_text(name) for name in names], "")
        self._files = set(inventory.files)
        self.read = 0  # files so far

    def of(self, name):
        """(captions, why they cannot be used) of a picture; None where it has no file."""
        file = posixpath.join(self._folder, _text(name))
        if file not in self._files:
            return None
        self.read += 1
        try:
            return text.lines(text.decode(self._inventory.take(file).read_bytes()), True), None
        except ValueError as error:
            fault = Refused("caption file is not UTF-8", f"{printable(file)}: {error}")
            return [""], fault


def _text(name):
    return f"{posixpath.splitext(name)[0]}.txt"
