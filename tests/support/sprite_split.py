"""Engraved sprites as a `Split`, without a data set on disk."""

import numpy as np

from data_prep.sources import sprites as drawing
from mmvae.data.text import EOS, NUM_SPECIAL, PAD
from mmvae.evaluation.split import Split

LEVEL, VOCABULARY, LENGTH = 3, 24, 6
WORDS = ["small", "big", "square", "ellipse", "heart", "red", "green", "yellow", "blue", "pink"]


def split(seed: int, count: int) -> Split:
    """`count` pairs of `LEVEL`, a token a word."""
    images, captions, _ = drawing.draw(seed, LEVEL, 32, 0, count)
    names = [f"{seed}/{i}" for i in range(count)]
    return Split({"image": np.asarray(images), "caption": ids(captions)}, captions, names)


def ids(captions: list[str]) -> np.ndarray:
    """Token ids [N, LENGTH]."""
    rows = np.full((len(captions), LENGTH), PAD, np.int32)
    for row, text in zip(rows, captions):
        tokens = [NUM_SPECIAL + WORDS.index(word) for word in text.split()] + [EOS]
        row[: len(tokens)] = tokens
    return rows
