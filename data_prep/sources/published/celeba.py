"""CelebA (Liu et al. 2015): aligned faces, of which 40 attributes are known."""

import json
import posixpath
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import text
from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item, Pair, printable
from data_prep.sources.published import lists
from mmvae.errors import UserError

_SPLITS = {"0": "train", "1": "val", "2": "test"}  # of list_eval_partition.txt
_ATTRIBUTES = "list_attr_celeba.txt"


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with img_align_celeba/, list_attr_celeba.txt and list_eval_partition.txt, at any depth.

    The caption names the attributes that hold, such as "smiling, wavy hair, young"; as attributes
    each is 1 or 0.

    Raises:
        UserError: a list is not there or is not of this form.
    """
    inventory = Inventory(Path(place))
    splits = lists.read(inventory, "list_eval_partition.txt", "celeba")
    names, rows = _attributes(inventory)
    folder = _folder(inventory)
    for name, values in rows.items():
        if splits.get(name) not in _SPLITS:
            raise UserError(f"celeba:{place}: list_eval_partition.txt has no 0, 1 or 2 for {name}")
        held = [one for one, value in zip(names, values, strict=True) if value == "1"]
        caption = ", ".join(one.replace("_", " ").lower() for one in held)
        facts = json.dumps({one: str(int(one in held)) for one in names})
        picture, split = inventory.picture(name, folder), _SPLITS[splits[name]]
        yield Pair(printable(name), picture, caption, split=split, attributes=facts)
    yield from inventory.left()


def _folder(inventory):
    """The aligned pictures': those in the wild have the same names."""
    folders = map(posixpath.dirname, inventory.files)
    aligned = next((f for f in folders if posixpath.basename(f) == "img_align_celeba"), None)
    if aligned is None:
        raise UserError(f"celeba:{inventory.root} has no img_align_celeba/; unpack its zip there")
    return aligned


def _attributes(inventory):
    """(names, {picture: values "1" or "-1"}): a number of rows, the names, a picture a line."""
    file = lists.find(inventory, _ATTRIBUTES)
    if not file:
        raise UserError(f"celeba:{inventory.root} has no {_ATTRIBUTES}, which its distribution has")
    _, header, *lines = [*text.read(inventory.take(file)).splitlines(), "", ""]
    names, rows = header.split(), {}
    for number, line in enumerate(lines, 3):
        picture, *values = line.split() or [""]
        if picture and (len(values) != len(names) or not {*values} <= {"1", "-1"}):
            raise UserError(
                f"{inventory.root / file} line {number} needs a picture and 1 or -1 for each of "
                f"the {len(names)} attributes that line 2 names"
            )
        if picture:
            rows[picture] = values
    if not rows:
        raise UserError(f"{inventory.root / file} has no rows; download that file again")
    return names, rows
