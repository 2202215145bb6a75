"""The training pairs, for looking whether a new pair repeats one of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from sklearn.neighbors import NearestNeighbors

from mmvae.evaluation import split
from mmvae.evaluation.families import memorisation
from mmvae.evaluation.neighbours import thumbnails
from mmvae.inference.session import Session

_MOST = 20_000  # pairs; a line tells when there are more
_HELD_OUT = 500
_SHOWN = 3


@dataclass(frozen=True)
class Neighbour:
    """A training pair beside a new picture.

    Attributes:
        image: its picture.
        caption: as the data set has it.
        distance: root mean square difference of 16-pixel thumbnails, 0 to 2.
        closer: share of held-out real pictures that lie farther from their own nearest
            training picture; 1 means that hardly any lies so near.
    """

    image: UInt8[np.ndarray, "H W C"]
    caption: str
    distance: float
    closer: float


class Training:
    """Nearest training pairs of pictures; reads the data set at `directory` once."""

    def __init__(self, directory: str | Path, session: Session) -> None:
        from mmvae.data import batches, records  # they load TensorFlow

        batches.hide_accelerators()
        self._pairs = split.load(records.read(directory, "train"), session, _MOST)
        known = thumbnails(self._pairs.images)
        self._scale = np.sqrt(known.shape[1])
        self._finder = NearestNeighbors(n_neighbors=_SHOWN, algorithm="brute").fit(known)
        held_out = split.load(records.read(directory, "val"), session, _HELD_OUT)
        self._usual = self._search(held_out.images)[0][:, 0]

    def __len__(self) -> int:
        return len(self._pairs)

    def nearest(self, images: UInt8[np.ndarray, "N H W C"]) -> list[list[Neighbour]]:
        """The three nearest training pairs of each picture, nearest first."""
        distances, places = self._search(images)
        ranks = memorisation.closer(distances.ravel(), self._usual).reshape(distances.shape)
        return [
            [
                Neighbour(self._pairs.images[i], self._pairs.captions[i], float(d), float(r))
                for i, d, r in zip(*row)
            ]
            for row in zip(places, distances, ranks)
        ]

    def _search(
        self, images: UInt8[np.ndarray, "N H W C"]
    ) -> tuple[Float[np.ndarray, "N 3"], Int[np.ndarray, "N 3"]]:
        distances, places = self._finder.kneighbors(thumbnails(images))
        return distances / self._scale, places
