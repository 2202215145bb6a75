"""CIDEr-D (Vedantam et al. 2015): agreement in the n-grams that few captions share."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_ORDERS = range(1, 5)
_SIGMA = 6.0  # of the length penalty, in n-grams; section 5 of the paper


def cider_d(
    references: Sequence[Sequence[str]], written: Sequence[Sequence[str]]
) -> Float[np.ndarray, " N"]:
    """CIDEr-D, from 0 to 10, of N captions given as lists of words, one reference each.

    As `pycocoevalcap` computes it: n-grams are weighed by how few of the N references have
    them, so that scores depend on the set; lengths are counted in bigrams.
    """
    references, written = ([_grams(text) for text in texts] for texts in (references, written))
    shared = Counter(gram for grams in references for gram in grams)
    rarity = lambda gram: np.log(len(references)) - np.log(max(1, shared[gram]))
    return np.array([_score(*pair, rarity) for pair in zip(references, written, strict=True)])


def _score(reference, written, rarity):
    """Mean over orders of the clipped cosine of weighted counts, times the length penalty."""
    penalty = np.exp(-((_length(written) - _length(reference)) ** 2) / (2 * _SIGMA**2))
    cosines = []
    for order in _ORDERS:
        a, b = (_weighted(grams, order, rarity) for grams in (reference, written))
        # Clipped: repeating a rare word earns nothing.
        product = sum(min(weight, a[gram]) * a[gram] for gram, weight in b.items() if gram in a)
        norm = np.sqrt(sum(w**2 for w in a.values()) * sum(w**2 for w in b.values()))
        cosines.append(product / norm if norm else 0.0)
    return 10.0 * penalty * float(np.mean(cosines))


def _weighted(grams, order, rarity):
    return {gram: n * rarity(gram) for gram, n in grams.items() if len(gram) == order}


def _grams(text):
    """Counter of the n-grams, tuples of words, of every order."""
    return Counter(
        tuple(text[i : i + order]) for order in _ORDERS for i in range(len(text) - order + 1)
    )


def _length(grams):
    return sum(n for gram, n in grams.items() if len(gram) == 2)
