"""What a run looks like: grids from fixed seeds, and a table of captions."""

from dataclasses import dataclass

import numpy as np

from mmvae.data.contact_sheet import contact_sheet
from mmvae.evaluation.split import decoded

COLUMNS = ("picture", "caption", "caption of the picture", "reconstruction of the caption")


@dataclass(frozen=True)
class Samples:
    """Grids {name: uint8 [H, W, C]} and caption-table rows for `COLUMNS`."""

    grids: dict
    rows: list


def make(session, records, num):
    """Samples of the first `num` pairs of a split and of `num` seeds, the same at every call."""
    num = min(num, len(records))
    images, captions = decoded(session, records, range(num)), records.captions[:num]
    both = session.encode(image=images, caption=captions)[0]
    written = session.caption(images)
    repeated, _ = session.decode_captions(session.encode(caption=captions)[0])
    drawn = session.sample_images(captions)
    new = session.generate(num)
    grids = {
        "reconstruction": grid(images, session.decode_images(both)),
        "image_to_caption": np.asarray(contact_sheet(images, written)),
        "caption_to_image": np.asarray(contact_sheet(drawn, captions)),
        "generated": np.asarray(contact_sheet(new.images, new.captions)),
    }
    rows = [list(row) for row in zip(images, captions, written, repeated, strict=True)]
    rows += [[image, "(generated)", text, ""] for image, text in zip(new.images, new.captions)]
    return Samples(grids, rows)


def grid(*strips, columns=8):
    """Strips [N, H, W, C] of pictures tiled into one: row k of each strip under the other."""
    count = len(strips[0])
    rows = []
    for start in range(0, count, columns):
        for strip in strips:
            part = strip[start : start + columns]
            blank = np.full((columns - len(part), *strip.shape[1:]), 255, np.uint8)
            rows.append(np.concatenate(list(np.concatenate([part, blank])), axis=1))
    return np.concatenate(rows, axis=0)
