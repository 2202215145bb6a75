"""Sessions of tiny models, and what they are given."""

import numpy as np

from mmvae.inference.session import Session
from support import tiny

CAPTIONS = ["a small red square", "a large blue circle", "a dark cross at the left"]
LABELS = ["shape=square, size=small", "shape=heart", "size=big"]


def session(config, words):
    """Session of noise as parameters; `words` is its tokenizer."""
    params = tiny.params(config, vocabulary=words.vocab_size, noise=0.2)
    return Session(config, params, words)


def pictures(rows, seed=0):
    """Pictures [N, H, W, C] of noise."""
    return tiny.batch(tiny.config(), rows, seed)["image"]


def latents(rows, seed=0):
    """Latents [N, D] from N(0, I)."""
    return np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
