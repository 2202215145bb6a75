"""What a run looks like: grids from fixed seeds, and a table of captions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from mmvae.data.contact_sheet import contact_sheet
from mmvae.evaluation.split import decoded
from mmvae.inference.session import Session

if TYPE_CHECKING:
    from mmvae.data.records import Records  # it loads TensorFlow

COLUMNS = ("picture", "caption", "caption of the picture", "reconstruction of the caption")


@dataclass(frozen=True)
class Samples:
    """What is shown.

    Attributes:
        grids: {name: picture of many}.
        rows: of the caption table, in the order of `COLUMNS`.
    """

    grids: dict[str, UInt8[np.ndarray, "H W C"]]
    rows: list[list]


def make(session: Session, records: "Records", num: int) -> Samples:
    """Samples of the first `num` pictures of a split and of `num` seeds, the same at every call."""
    rows = [row for row, file in enumerate(records.images.numpy()) if file][:num]
    num = len(rows)
    images = decoded(records, rows, session.modalities["image"].shape)
    captions = [records.captions[row] for row in rows]
    both = session.encode(image=images, caption=captions)[0]
    written = session.caption(images)
    repeated, _ = session.decode_captions(session.encode(caption=captions)[0])
    sampled = session.sample_images(captions)
    new = session.generate(num)
    grids = {
        "reconstruction": grid(images, session.decode_images(both)),
        "image_to_caption": np.asarray(contact_sheet(images, written)),
        "caption_to_image": np.asarray(contact_sheet(sampled, captions)),
        "generated": np.asarray(contact_sheet(new.images, new.captions)),
    }
    rows = [list(row) for row in zip(images, captions, written, repeated, strict=True)]
    rows += [[image, "(generated)", text, ""] for image, text in zip(new.images, new.captions)]
    return Samples(grids, rows)


def grid(*strips: UInt8[np.ndarray, "N H W C"], columns: int = 8) -> UInt8[np.ndarray, "Y X C"]:
    """Strips of pictures tiled into one: row k of each strip under the other."""
    count = len(strips[0])
    rows = []
    for start in range(0, count, columns):
        for strip in strips:
            part = strip[start : start + columns]
            blank = np.full((columns - len(part), *strip.shape[1:]), 255, np.uint8)
            rows.append(np.concatenate(list(np.concatenate([part, blank])), axis=1))
    return np.concatenate(rows, axis=0)
