"""Captions in the COCO format: a JSON of `images` and `annotations`, and the folder."""

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from data_prep.sources.pair import Pair, inside
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """ANNOTATIONS.json,IMAGES: each caption of each picture, then the pictures without one.

    Raises:
        UserError: the folder is not named, or the file is not one of COCO captions.
    """
    path, _, root = place.partition(",")
    if not root:
        raise UserError(f"coco:{place} lacks the folder; type coco:ANNOTATIONS.json,IMAGES")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        names = {image["id"]: image["file_name"] for image in content["images"]}
        captions = [(item["image_id"], item["caption"]) for item in content["annotations"]]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not a COCO captions file: it lacks {error}") from error
    for image_id, caption in captions:
        name = names.get(image_id, f"(image {image_id})")
        yield Pair(picture=name, image=inside(Path(root), name), caption=str(caption))
    told = {image_id for image_id, _ in captions}
    for name in (names[image_id] for image_id in names if image_id not in told):
        yield Pair(picture=name, image=inside(Path(root), name), caption="")
