"""A language model without a latent: token n-grams of the training captions."""

from collections import Counter, defaultdict
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from mmvae.data.text import BOS, PAD
from mmvae.evaluation.answers import Scores


def frequencies(ids: Int[np.ndarray, "N L"], vocab_size: int) -> Float[np.ndarray, " V"]:
    """Probability of each piece in captions: the end counts, PAD does not, each once more."""
    counts = np.bincount(ids[ids != PAD], minlength=vocab_size) + 1.0
    return counts / counts.sum()


class LanguageModel:
    """Interpolated n-grams with Witten-Bell weights, down to smoothed unigrams.

    p(w | h) = (c(h w) + T(h) p(w | h')) / (c(h) + T(h)), where T(h) counts the different tokens
    seen after h and h' drops the oldest token of h (Chen & Goodman 1999, section 2.6).

    Args:
        ids: token ids [N, L] of training captions, the end included, PAD after it.
        vocab_size: number of pieces.
        order: tokens of the longest n-gram; 1 leaves only the token frequencies.
    """

    def __init__(self, ids: Int[np.ndarray, "N L"], vocab_size: int, order: int) -> None:
        self._after = defaultdict(Counter)  # {context: tokens that followed it}
        self._order = order
        for context, token in self._events(ids):
            for start in range(len(context) + 1):
                self._after[context[start:]][token] += 1
        self._unigram = frequencies(ids, vocab_size)
        self._next = lru_cache(maxsize=None)(self._distribution)

    def score(self, ids: Int[np.ndarray, "N L"]) -> Scores:
        """Scores of captions."""
        log_probability, hits, tokens = (np.zeros(len(ids)) for _ in range(3))
        for row, caption in enumerate(ids):
            for context, token in self._events(caption[None]):
                following = self._next(context)
                log_probability[row] += np.log(following[token])
                hits[row] += following.argmax() == token
                tokens[row] += 1
        return Scores(log_probability, hits, tokens)

    def _events(self, ids):
        """(context, token) of every token of captions, contexts as long as the order allows."""
        for row in ids:
            padded = [BOS] * (self._order - 1) + [int(i) for i in row if i != PAD]
            for at in range(self._order - 1, len(padded)):
                yield tuple(padded[at - self._order + 1 : at]), padded[at]

    def _distribution(self, context):
        """Probabilities [V] of the token after a context."""
        if not context:
            return self._unigram
        shorter = self._next(context[1:])
        seen = self._after.get(context)
        if not seen:
            return shorter
        counts = np.zeros_like(shorter)
        counts[list(seen)] = list(seen.values())
        return (counts + len(seen) * shorter) / (counts.sum() + len(seen))
