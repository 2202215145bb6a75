"""Exact and near duplicates among pictures: a perceptual hash proposes, the pixels decide.

A hash alone merges different engravings (a stag here, a stag there), so each pair that it
proposes must also agree pixel for pixel on a small picture, and in its colours: a red and a
green circle are two pictures.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_prep.stages.images import THUMBNAIL, TINT, Cleaned

# Least agreement of pixels, for hashes that differ in up to so many of 64 bits. Found by eye on
# 6,000 engravings: two scans of one cut are above, two coats of arms or two bottles are below.
MIN_CORRELATION = {8: 0.87, 14: 0.93}
# Greatest distance of colours (Cb, Cr) of copies; JPEG, blur, contrast of 1.3 stay below 20.
MAX_TINT = 20.0
_YELLOWED = (140, 90)  # least red, most red above blue of paper that has yellowed
_BLOCK = 64  # hashes compared with all others at once: 50 MB for 100,000


def instead(
    names: Sequence[str], pictures: Sequence[Cleaned], ranks: Sequence, near: bool = True
) -> dict[str, str]:
    """{left out: kept} for the pictures that show what a better one shows.

    Args:
        names: N names.
        pictures: N pictures.
        ranks: N comparable values; of a cluster the highest is kept, of equals the first.
        near: whether near duplicates count, not only pictures that are stored alike.
    """
    numbers = clusters(pictures) if near else [picture.png for picture in pictures]
    best = {}
    for i, number in enumerate(numbers):
        if number not in best or ranks[i] > ranks[best[number]]:
            best[number] = i
    kept = [names[best[number]] for number in numbers]
    return {name: other for name, other in zip(names, kept, strict=True) if name != other}


def clusters(pictures: Sequence[Cleaned]) -> Int[np.ndarray, " N"]:
    """A number for each of N pictures; those that show the same thing share one."""
    first, second = _candidates(np.array([p.hash for p in pictures], np.uint64))
    same = _alike(pictures, first, second)
    edges = (np.ones(same.sum()), (first[same], second[same]))
    shape = (len(pictures), len(pictures))
    return connected_components(coo_array(edges, shape=shape), directed=False)[1]


def _candidates(hashes):
    """Index pairs (i < j) whose hashes differ in few bits."""
    pairs = [np.zeros((2, 0), np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK, None]
        near = np.bitwise_count(block ^ hashes[None, start:]) <= max(MIN_CORRELATION)
        i, j = np.nonzero(near)
        pairs.append(np.stack([i, j])[:, i < j] + start)
    return np.concatenate(pairs, axis=1)


def _alike(pictures, first, second):
    """Which of P pairs of pictures agree in pixels and colours, bool [P], in blocks."""
    hashes = np.array([p.hash for p in pictures], np.uint64)
    greys = _levels([p.thumbnail for p in pictures]).reshape(-1, THUMBNAIL**2)
    tints = _levels([p.tint for p in pictures]).reshape(-1, TINT**2 + 1, 3)
    alike = np.zeros(len(first), bool)
    for start in range(0, len(first), 65536):
        a, b = first[start : start + 65536], second[start : start + 65536]
        bits = np.bitwise_count(hashes[a] ^ hashes[b])
        needed = np.where(bits <= min(MIN_CORRELATION), *sorted(MIN_CORRELATION.values()))
        same = correlation(greys[a], greys[b]) >= needed
        same[same] = tint_distance(tints[a[same]], tints[b[same]]) <= MAX_TINT
        alike[start : start + 65536] = same
    return alike


def _levels(rows):
    return np.frombuffer(b"".join(rows), np.uint8)


def correlation(
    first: UInt8[np.ndarray, "P D"], second: UInt8[np.ndarray, "P D"]
) -> Float[np.ndarray, " P"]:
    """Normalised correlation of P pairs of pictures."""
    return (_standard(first) * _standard(second)).mean(axis=1)


def tint_distance(
    first: UInt8[np.ndarray, "P C 3"], second: UInt8[np.ndarray, "P C 3"]
) -> Float[np.ndarray, " P"]:
    """Distance in (Cb, Cr) of P pairs of coarse RGB pictures, in the cell where it is greatest.

    The last of the C cells is the border. Where it is the colour of yellowed paper, the distance
    is also taken on white paper, and the smaller one counts: two scans of one cut are alike.
    """
    plain = _chroma(first) - _chroma(second)
    white = _chroma(_whitened(first)) - _chroma(_whitened(second))
    greatest = [np.linalg.norm(between, axis=-1).max(axis=1) for between in (plain, white)]
    return np.minimum(*greatest)


def _whitened(tints):
    """RGB [P, C, 3] as on white paper, where the paper is light and yellowish or brown."""
    red, green, blue = paper = np.moveaxis(tints[:, -1].astype(np.float32), -1, 0)
    least, most = _YELLOWED
    yellowed = (red >= least) & (green >= blue) & (red >= green)
    yellowed &= (green - blue >= red - green) & (red - blue <= most)
    scale = np.where(yellowed, 255 / np.maximum(paper, 1), 1).T
    return np.minimum(tints * scale[:, None], 255)


def _chroma(tints):
    """Cb and Cr [..., 2] of RGB levels [..., 3], around 0 (ITU-R BT.601)."""
    weights = np.array([[-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32)
    return tints.astype(np.float32) @ weights.T


def _standard(pixels):
    pixels = pixels.astype(np.float32)
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    return centred / (centred.std(axis=1, keepdims=True) + 1e-6)
