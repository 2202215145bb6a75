"""Nearest pictures, by what shows at a glance."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from mmvae.data.contact_sheet import to_picture

# Small enough that fine texture and a shift of a pixel do not hide a copy.
_SIDE = 16


def thumbnails(images: UInt8[np.ndarray, "N H W C"]) -> Float[np.ndarray, "N 256*C"]:
    """Vectors in [-1, 1] of pictures reduced to 16 pixels a side."""
    small = [to_picture(x).resize((_SIDE, _SIDE), Image.Resampling.BOX) for x in images]
    return np.stack(small).reshape(len(images), -1).astype(np.float32) / 127.5 - 1.0


def nearest(
    queries: UInt8[np.ndarray, "N H W C"], references: UInt8[np.ndarray, "M H W C"]
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Index of the picture nearest to each query, and its distance.

    A distance is the root mean square difference of thumbnails, from 0 to 2.
    """
    known = thumbnails(references)
    finder = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known)
    distance, index = finder.kneighbors(thumbnails(queries))
    return index[:, 0], distance[:, 0] / np.sqrt(known.shape[1])
