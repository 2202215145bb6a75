"""A split of a data set, decoded for measuring."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int, Int32, Shaped, UInt8
from PIL import Image

from mmvae.errors import UserError
from mmvae.inference.session import Session

if TYPE_CHECKING:
    from mmvae.data.records import Records  # it loads TensorFlow


@dataclass(frozen=True)
class Split:
    """Pairs in stored order.

    Attributes:
        data: {modality: rows as the model takes them}.
        captions: as the data set has them.
        names: for messages.
    """

    data: dict[str, Shaped[np.ndarray, "N ..."]]
    captions: list[str]
    names: list[str]

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def images(self) -> UInt8[np.ndarray, "N H W C"]:
        """Pictures."""
        return self.data["image"]

    @property
    def ids(self) -> Int32[np.ndarray, "N L"]:
        """Token ids of the captions, cut to the model's length."""
        return self.data["caption"]

    def take(self, rows: Sequence[int]) -> "Split":
        """The pairs at the places `rows`."""
        return Split(
            {name: values[rows] for name, values in self.data.items()},
            [self.captions[row] for row in rows],
            [self.names[row] for row in rows],
        )


def load(records: "Records", session: Session, most: int) -> Split:
    """At most `most` captioned pairs of `records`, evenly spread.

    Raises:
        UserError: no pair has a caption.
    """
    records = records.pairs
    captioned = np.flatnonzero([len(ids) > 0 for ids in records.caption_ids])
    if not len(captioned):
        raise UserError("the split has no pair with a caption; type another --split or --data.")
    taken = captioned[evenly(len(captioned), most)]
    return Split(
        {name: _rows(modality, records, taken) for name, modality in session.modalities.items()},
        [records.captions[row] for row in taken],
        [records.ids[row] for row in taken],
    )


def evenly(count: int, most: int) -> Int[np.ndarray, " M"]:
    """At most `most` of `count` places, evenly spread: neighbours are often of one book."""
    return np.arange(min(count, most)) * count // min(count, most)


def decoded(
    records: "Records", rows: Sequence[int], shape: tuple[int, ...]
) -> UInt8[np.ndarray, "N H W C"]:
    """Pictures of shape (H, W, C) at the places `rows`, at least one."""
    stored = records.images.numpy()
    return np.stack(list(pictures((stored[row] for row in rows), shape)))


def pictures(
    files: Iterable[bytes], shape: tuple[int, ...]
) -> Iterator[UInt8[np.ndarray, "H W C"]]:
    """Pictures of shape (H, W, C) of encoded ones, one at a time."""
    mode = "L" if shape[-1] == 1 else "RGB"
    for encoded in files:
        with Image.open(io.BytesIO(encoded)) as opened:
            yield np.asarray(opened.convert(mode)).reshape(shape)


def _rows(modality, records, rows):
    """Rows of one modality as the model takes them."""
    if modality.encoded:
        return decoded(records, rows, modality.shape)
    return modality.stored(records)[rows]
