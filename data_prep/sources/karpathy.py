"""Karpathy's splits of COCO, Flickr8k and Flickr30k: a `dataset_*.json` and the folder."""

import posixpath
from argparse import Namespace
from collections.abc import Iterator

from data_prep.sources import text
from data_prep.sources.coco import parts
from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item, Pair, printable
from mmvae.errors import UserError

_SPLITS = {"restval": "train"}  # what COCO's validation pictures that train on are called


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DATASET.json,IMAGES: each sentence of each picture, in the split that the file says.

    Raises:
        UserError: the folder is not named, or the file is not in this format.
    """
    path, root = parts("karpathy", place, "DATASET.json,IMAGES")
    content = text.read_json(path)
    inventory = Inventory(root)
    try:
        folder = inventory.base(map(_name, content["images"][:1000]), "")
        for image in content["images"]:
            yield from _pairs(inventory, folder, image)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path} is not a file of Karpathy's: {error}; it needs images with filename, split "
            f"and sentences, each with raw"
        ) from error
    yield from inventory.left()


def _name(image):
    return posixpath.join(text.scalar(image.get("filepath")), text.scalar(image["filename"]))


def _pairs(inventory, folder, image):
    name = _name(image)
    split = text.scalar(image["split"])
    captions = [text.scalar(sentence["raw"]) for sentence in image["sentences"]] or [""]
    path = inventory.picture(name, folder)
    for caption in captions:
        yield Pair(printable(name), path, caption, split=_SPLITS.get(split, split))
