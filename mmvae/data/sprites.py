"""Engraved sprites: what their captions say, and how their shapes are measured.

The benchmark follows CdSprites+ (Sejnova et al. 2024, "Benchmarking Multimodal Variational
Autoencoders: CdSprites+ Dataset and Toolkit"): five levels, each captioning one attribute
more. An attribute that a level does not caption yet keeps its value in `FIXED`.

Lengths are in cells: a picture is `CELLS` cells wide at every resolution.
"""

from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Float

CELLS = 32
VALUES = {
    "shape": ("square", "ellipse", "heart"),
    "size": ("small", "big"),
    "colour": ("red", "green", "yellow", "blue", "pink"),
    "position": ("top left", "top right", "bottom left", "bottom right"),
    "background": ("light", "dark"),
}
FIXED = {"size": "big", "colour": "black", "position": "centre", "background": "light"}
LEVELS = tuple(range(1, len(VALUES) + 1))
# The radius of a shape is that of the disc of its area.
RADII = {"small": (4.8, 5.6), "big": (7.2, 8.0)}
PAPER = {"light": (246, 238, 220), "dark": (34, 32, 44)}
INK = {
    "light": {
        "black": (34, 28, 32),
        "red": (186, 26, 26),
        "green": (20, 122, 62),
        "yellow": (226, 160, 0),
        "blue": (34, 66, 178),
        "pink": (236, 92, 172),
    },
    "dark": {
        "red": (240, 62, 44),
        "green": (70, 206, 104),
        "yellow": (250, 212, 60),
        "blue": (84, 140, 255),
        "pink": (255, 130, 204),
    },
}


def attributes(level: int) -> tuple[str, ...]:
    """Names of the attributes that captions of a level tell, in `VALUES` order.

    Raises:
        ValueError: the level is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"sprites have levels {LEVELS[0]} to {LEVELS[-1]}, not {level}")
    return tuple(VALUES)[:level]


def caption(values: dict[str, str], level: int) -> str:
    """The caption of attributes {name: value}; names beyond the level are ignored.

    Raises:
        ValueError: sprites have no such level.
    """
    order = [name for name in ("size", "colour", "shape") if name in attributes(level)]
    words = " ".join(values[name] for name in order)
    at = f" at {values['position']}" if level >= 4 else ""
    on = f" on {values['background']}" if level >= 5 else ""
    return words + at + on


def parse(text: str, level: int) -> dict[str, str] | None:
    """Attributes {name: value} that a caption of the level tells, or None if it is not one.

    Raises:
        ValueError: sprites have no such level.
    """
    values = _captions(level).get(text)
    return None if values is None else dict(values)


@cache
def _captions(level):
    names = attributes(level)
    rows = [
        dict(zip(names, row, strict=True)) for row in product(*(VALUES[name] for name in names))
    ]
    return {caption(row, level): row for row in rows}


def signed_distance(
    shape: str, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Distance to the outline of a shape of radius 1 at points x, y, negative inside.

    The shape stands upright (y points down) with its centroid at the origin.
    """
    if shape == "square":
        return _square(np.abs(x), np.abs(y))
    if shape == "ellipse":
        return _ellipse(x, y)
    return _heart(np.abs(x), -y)


def _square(x, y):
    half = np.sqrt(np.pi) / 2
    dx, dy = x - half, y - half
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0)


def _ellipse(x, y, aspect=1.7):
    """First-order distance: exact on the outline, which is where it matters."""
    a, b = aspect**0.5, aspect**-0.5
    level = np.hypot(x / a, y / b)
    return level * (level - 1) / np.maximum(np.hypot(x / a**2, y / b**2), 1e-6)


def _heart(x, y):
    """A square on its corner with half-discs on its upper sides; x is |x|, y points up."""
    scale = np.sqrt((0.5 + np.pi / 8) / np.pi)
    x, y = x * scale, y * scale + 0.6566  # the tip at the origin, the notch at (0, 1)
    lobe = np.hypot(x - 0.25, y - 0.75) - np.sqrt(2) / 4
    along = 0.5 * np.maximum(x + y, 0)
    wedge = np.minimum(np.hypot(x, y - 1), np.hypot(x - along, y - along)) * np.sign(x - y)
    return np.where(x + y > 1, lobe, wedge) / scale
