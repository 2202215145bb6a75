"""A split of a data set, decoded for measuring."""

from dataclasses import dataclass

import numpy as np

from mmvae.evaluators.samples import decoded
from mmvae.text import pad_ids


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

    def first(self, count):
        """The first `count` pairs."""
        return Split(
            self.images[:count], self.captions[:count], self.ids[:count], self.names[:count]
        )


def load(records, session, most):
    """Split of at most `most` captioned pairs of `records`, drawn evenly over the split."""
    captioned = np.flatnonzero([len(ids) > 0 for ids in records.caption_ids])
    taken = captioned[
        np.linspace(0, len(captioned), min(most, len(captioned)), endpoint=False).astype(int)
    ]
    return Split(
        decoded(session, records, taken),
        [records.captions[i] for i in taken],
        pad_ids([records.caption_ids[i] for i in taken], session.shapes["caption"][0]),
        [records.ids[i] for i in taken],
    )
