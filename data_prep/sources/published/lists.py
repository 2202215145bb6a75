"""Text files of lines "key value ...", as CUB and CelebA are told in."""

import posixpath

from data_prep.sources import text
from data_prep.sources.inventory import Inventory
from mmvae.errors import UserError


def find(inventory: Inventory, name: str) -> str:
    """The file of a bare name at the least depth, "" where there is none."""
    names = [file for file in inventory.files if posixpath.basename(file) == name]
    return min(names, key=lambda file: (file.count("/"), file), default="")


def read(inventory: Inventory, name: str, kind: str) -> dict[str, str]:
    """{first word: the rest} of the lines of a file that a set of this kind must have.

    Raises:
        UserError: it is not there, or has a line of one word.
    """
    file = find(inventory, name)
    if not file:
        raise UserError(f"{kind}:{inventory.root} has no {name}, which its distribution has")
    values = {}
    for number, line in enumerate(text.read(inventory.take(file)).splitlines(), 1):
        if line.strip():
            key, _, rest = line.strip().partition(" ")
            if not rest:
                raise UserError(f"{inventory.root / file} line {number} has no value: {line[:60]}")
            values[key] = rest.strip()
    return values
