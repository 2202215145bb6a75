"""A split of a data set, decoded for measuring."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmvae.data.text import pad_ids
from mmvae.errors import UserError


@dataclass(frozen=True)
class Split:
    """Pairs in stored order.

    Attributes:
        images: uint8 [N, H, W, C].
        captions: N strings as the data set has them.
        ids: token ids [N, L] int32, cut to the model's length.
        names: N names, for messages.
    """

    images: np.ndarray
    captions: list
    ids: np.ndarray
    names: list

    def __len__(self):
        return len(self.captions)

    def take(self, rows):
        """The pairs at the places `rows`."""
        return Split(
            self.images[rows],
            [self.captions[row] for row in rows],
            self.ids[rows],
            [self.names[row] for row in rows],
        )


def load(records, session, most):
    """Split of at most `most` captioned pairs of `records`, evenly spread.

    Raises:
        UserError: no pair has a caption.
    """
    captioned = np.flatnonzero([len(ids) > 0 for ids in records.caption_ids])
    if not len(captioned):
        raise UserError("the split has no pair with a caption; type another --split or --data.")
    taken = captioned[evenly(len(captioned), most)]
    return Split(
        decoded(session, records, taken),
        [records.captions[row] for row in taken],
        pad_ids([records.caption_ids[row] for row in taken], session.modalities["caption"].length),
        [records.ids[row] for row in taken],
    )


def evenly(count, most):
    """At most `most` of `count` places, evenly spread: neighbours are often of one book."""
    return np.arange(min(count, most)) * count // min(count, most)


def decoded(session, records, rows):
    """Pictures of a split at the places `rows`: uint8 [N, H, W, C]."""
    mode = "L" if session.modalities["image"].shape[-1] == 1 else "RGB"
    stored = records.images.numpy()
    pictures = [np.asarray(Image.open(io.BytesIO(stored[row])).convert(mode)) for row in rows]
    return np.stack(pictures).reshape(len(rows), *session.modalities["image"].shape)
