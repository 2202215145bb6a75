"""Pictures of a digit as pairs: its name is the caption, the digit an attribute."""

import json

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from data_prep.sources.pair import Pair
from data_prep.stages.images import png

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def pair(
    name: str,
    pixels: UInt8[np.ndarray, "S S *C"],
    digit: int,
    split: str,
    size: int,
    group: str = "",
) -> Pair:
    """One digit, taken as its author made it: not cleaned, and not compared with others.

    Args:
        name: of the picture.
        pixels: grey [S, S] or RGB [S, S, 3].
        digit: 0 to 9.
        split: "train" or "test", as distributed.
        size: side to store, in pixels; another one than S resamples (Lanczos).
        group: what must not be torn over splits.
    """
    picture = Image.fromarray(pixels).convert("RGB")
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    facts = json.dumps({"digit": str(digit)})
    stored = png(np.asarray(picture))
    return Pair(name, stored, NAMES[digit], group, split, attributes=facts, rendered=True)
