"""Captions in the COCO format: a JSON of `images` and `annotations`, and the folder."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources import text
from data_prep.sources.inventory import Inventory
from data_prep.sources.pair import Item, Pair, Refusal, printable
from data_prep.sources.tables.rows import NOT_TEXT
from data_prep.stages import splitting
from data_prep.stages.images import Refused
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Item]:
    """ANNOTATIONS.json,IMAGES: each caption of each picture, then the pictures without one.

    Raises:
        UserError: the folder is not named, or the file is not one of COCO captions.
    """
    path, root = parts("coco", place, "ANNOTATIONS.json,IMAGES")
    names, captions = _content(path)
    inventory, split = Inventory(root), splitting.of_file(path.name)
    folder = inventory.base((name for _, name in names[:1000]), "")
    known, captioned = dict(names), {image_id for image_id, _ in captions}
    shared = {image_id for image_id, name in names if known[image_id] != name}
    without = ((image_id, "") for image_id in known if image_id not in captioned)
    for image_id, caption in (*captions, *without):
        name = known.get(image_id, f"(image {image_id})")
        if image_id in shared:
            yield _refusal(name, f"several pictures have the id {image_id}", caption=str(caption))
        else:
            yield from _pairs(inventory, folder, name, caption, split)
    for image_id, name in names:
        if image_id in shared:
            inventory.picture(name, folder)
            yield _refusal(name, f"several pictures have the id {image_id}")
    yield from inventory.left()


def _content(path):
    """[(id, file name)] of the pictures and [(id, caption)] of the annotations of a file."""
    content = text.read_json(path)
    try:
        names = [(image["id"], text.scalar(image["file_name"])) for image in content["images"]]
        names = [(one, name or f"(image {one} without a file_name)") for one, name in names]
        captions = [(item["image_id"], item["caption"]) for item in content["annotations"]]
        hash((*(one for one, _ in names), *(one for one, _ in captions)))  # ids are no lists
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not a COCO captions file: it lacks {error}; it needs images with id and "
            f"file_name, annotations with image_id and caption"
        ) from error
    return names, captions


def parts(kind: str, place: str, usage: str) -> tuple[Path, Path]:
    """(file, folder of pictures) of "FILE,FOLDER".

    Raises:
        UserError: one of them is not named or is not there.
    """
    path, _, root = place.rpartition(",")
    if not path or not root:
        raise UserError(f"{kind}:{place} lacks the folder; type {kind}:{usage}")
    if not Path(root).is_dir():
        raise UserError(f"{kind}:{place}: {root} is not a folder; type {kind}:{usage}")
    return Path(path), Path(root)


def _pairs(inventory, folder, name, value, split):
    image = inventory.picture(name, folder)
    try:
        for caption in text.captions(value):
            named = splitting.of_folders(name) or split
            yield Pair(printable(name), image, caption, named_split=named)
    except ValueError as error:
        yield _refusal(name, f"caption is {error}", NOT_TEXT)


def _refusal(name, detail, reason="picture's id is not its own", caption=""):
    return Refusal(printable(name), Refused(reason, detail), caption)
