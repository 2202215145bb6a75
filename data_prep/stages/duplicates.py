"""Exact and near duplicates among pictures: a perceptual hash proposes, the pixels decide.

A hash alone merges different engravings (a stag here, a stag there), so each pair that it
proposes must also agree pixel for pixel on a small picture.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_prep.stages.images import THUMBNAIL

# Least agreement of pixels, for hashes that differ in up to so many of 64 bits. Found by eye on
# 6,000 engravings: two scans of one cut are above, two coats of arms or two bottles are below.
MIN_CORRELATION = {8: 0.87, 14: 0.93}
_BLOCK = 64  # hashes compared with all others at once: 50 MB for 100,000


def instead(names, pictures, ranks):
    """{left out: kept} for the pictures that show what a better one shows.

    Args:
        names: N names.
        pictures: N `images.Cleaned`.
        ranks: N comparable values; of a cluster the highest is kept, of equals the first.
    """
    numbers = clusters([p.hash for p in pictures], [p.thumbnail for p in pictures])
    best = {}
    for i, number in enumerate(numbers):
        if number not in best or ranks[i] > ranks[best[number]]:
            best[number] = i
    kept = [names[best[number]] for number in numbers]
    return {name: other for name, other in zip(names, kept, strict=True) if name != other}


def clusters(hashes, thumbnails):
    """Cluster number [N] of N pictures; those that show the same thing share one.

    Args:
        hashes: [N] 64-bit perceptual hashes (int).
        thumbnails: N pictures of THUMBNAIL x THUMBNAIL grey levels, as bytes.
    """
    count = len(hashes)
    hashes = np.array(hashes, np.uint64)
    first, second = _candidates(hashes)
    pixels = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(count, THUMBNAIL**2)
    bits = np.bitwise_count(hashes[first] ^ hashes[second])
    needed = np.where(bits <= min(MIN_CORRELATION), *sorted(MIN_CORRELATION.values()))
    same = _correlation(pixels, first, second) >= needed
    edges = (np.ones(same.sum()), (first[same], second[same]))
    return connected_components(coo_array(edges, shape=(count, count)), directed=False)[1]


def _candidates(hashes):
    """Index pairs (i < j) whose hashes differ in few bits."""
    found = [np.zeros((2, 0), np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK, None]
        near = np.bitwise_count(block ^ hashes[None, start:]) <= max(MIN_CORRELATION)
        i, j = np.nonzero(near)
        found.append(np.stack([i, j])[:, i < j] + start)
    return np.concatenate(found, axis=1)


def _correlation(pixels, first, second):
    """Normalised correlation [P] of P pairs of pictures, in blocks."""
    out = np.zeros(len(first), np.float32)
    for start in range(0, len(first), 65536):
        chosen = slice(start, start + 65536)
        a, b = _standard(pixels[first[chosen]]), _standard(pixels[second[chosen]])
        out[chosen] = (a * b).mean(axis=1)
    return out


def _standard(pixels):
    pixels = pixels.astype(np.float32)
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    return centred / (centred.std(axis=1, keepdims=True) + 1e-6)
