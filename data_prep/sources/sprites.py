"""Drawing of engraved sprites: shapes in ink, shaded by hatching, cross-hatching or stipple.

After CdSprites+ (Sejnova et al. 2024, "Benchmarking Multimodal Variational Autoencoders:
CdSprites+ Dataset and Toolkit"). Within an attribute's value the place, scale, rotation and
texture of a figure vary freely. Lengths are in cells, `sprites.CELLS` to a picture.
"""

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import UInt8

from data_prep.sources.pair import Pair
from data_prep.stages.images import png
from mmvae.data import sprites
from mmvae.errors import UserError

TEXTURES = ("hatching", "cross-hatching", "stipple")
JITTER = 2.0  # cells off the middle that a centred figure may lie
CORNER = 4.4  # least cells off both middle lines for a corner
CIRCUMRADIUS = 1.31  # of the longest shape of radius 1
MARGIN = 1.0  # cells of bare paper around the figure
OUTLINE = 0.9  # cells
WASH = 0.2  # share of ink between the strokes
_SUPERSAMPLE = 2  # edges are soft already: more samples change nothing visible
_BATCH = 64  # pictures drawn at once, so that the samples stay in the processor's cache
_AT_ONCE = 200  # pictures drawn before the first is handed on: a few MB
_DRAWS = 14  # random numbers kept for each item


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """The sprites of a level, drawn at the size they are stored at.

    Raises:
        UserError: no such level, or a size that sprites are not drawn at.
    """
    if not place.isdigit():
        raise UserError(f"sprites:{place} is not a level; type for example sprites:3")
    for start in range(0, options.num_pairs, _AT_ONCE):
        count = min(_AT_ONCE, options.num_pairs - start)
        try:
            drawn = draw(options.seed, int(place), options.image_size, start, count)
        except (ValueError, KeyError) as error:
            raise UserError(f"sprites:{place} cannot be drawn: {error}") from error
        for number, (pixels, caption, attributes) in enumerate(zip(*drawn, strict=True), start):
            name = f"sprite_{number:06d}"
            facts = json.dumps(attributes, sort_keys=True)
            yield Pair(name, png(pixels), caption, attributes=facts, rendered=True)


def draw(
    seed: int, level: int, size: int, start: int, count: int
) -> tuple[UInt8[np.ndarray, "count size size 3"], list[str], list[dict[str, Any]]]:
    """Sprites `start` to `start + count`: images, captions, attributes, each of length `count`.

    Item i depends only on seed, level, size and i, and its attributes not on the size.

    Returns:
        images [count, size, size, 3] uint8, captions (list of str), and attributes (list of
        dicts): those of every level, then x, y, radius (cells), rotation, direction (radians),
        texture, spacing (cells) and phase.

    Raises:
        ValueError: no such level, or a size that is not a multiple of 32.
    """
    if size % sprites.CELLS:
        raise ValueError(f"sprites are drawn at multiples of {sprites.CELLS} pixels, not {size}")
    items = [_choose(seed, level, i) for i in range(start, start + count)]
    parts = [_render(items[i : i + _BATCH], size) for i in range(0, count, _BATCH)]
    images = np.concatenate(parts) if parts else np.zeros((0, size, size, 3), np.uint8)
    return images, [sprites.caption(item, level) for item in items], items


def _choose(seed, level, i):
    """Attributes of item i: those of captions, then the free ones."""
    captioned = sprites.attributes(level)
    pick = np.random.default_rng([seed, level, i]).random(_DRAWS)
    item = {
        name: values[int(u * len(values))] if name in captioned else sprites.FIXED[name]
        for u, (name, values) in zip(pick, sprites.VALUES.items(), strict=False)
    }
    low, high = sprites.RADII[item["size"]]
    radius = low + (high - low) * pick[5]
    x, y = _place(item["position"], radius, pick[6:8])
    texture = TEXTURES[int(pick[8] * len(TEXTURES))]
    return item | {
        "x": x,
        "y": y,
        "radius": float(radius),
        "rotation": float(2 * np.pi * pick[9]),
        "texture": texture,
        "direction": float(np.pi * pick[10]),
        "spacing": float(2.4 + 1.2 * pick[11]),
        "phase": float(pick[12]),
    }


def _place(position, radius, pick):
    """Centre (x, y) in cells: near the middle, or in a corner with the figure inside."""
    middle = sprites.CELLS / 2
    if position == "centre":
        return tuple(float(middle + JITTER * (2 * u - 1)) for u in pick)
    furthest = middle - MARGIN - CIRCUMRADIUS * radius
    away = CORNER + (furthest - CORNER) * pick
    vertical, horizontal = position.split()
    x = middle + away[0] * (1 if horizontal == "right" else -1)
    y = middle + away[1] * (1 if vertical == "bottom" else -1)
    return float(x), float(y)


def _render(items, size):
    """Pictures [N, size, size, 3] uint8 of N items."""
    samples = size * _SUPERSAMPLE
    grid = ((np.arange(samples) + 0.5) * (sprites.CELLS / samples)).astype(np.float32)
    x = grid[None, None, :] - _column(items, "x")
    y = grid[None, :, None] - _column(items, "y")
    soft = sprites.CELLS / samples
    distance = _distance(items, x, y)
    shade = np.maximum(_texture(items, x, y, soft), WASH)
    shade = np.maximum(shade, _cover(-OUTLINE - distance, soft))
    ink = shade * _cover(distance, soft)
    ink = ink.reshape(-1, size, _SUPERSAMPLE, size, _SUPERSAMPLE).mean((2, 4))[..., None]
    paper = np.array([sprites.PAPER[item["background"]] for item in items], np.float32)
    colour = np.array([sprites.INK[i["background"]][i["colour"]] for i in items], np.float32)
    paper, colour = paper[:, None, None], colour[:, None, None]
    return (paper + ink * (colour - paper) + 0.5).astype(np.uint8)


def _column(items, name):
    return np.array([item[name] for item in items], np.float32)[:, None, None]


def _cover(distance, soft):
    """Share [0, 1] of a sample inside an edge at a signed distance, over `soft` cells."""
    return np.clip(0.5 - distance / soft, 0, 1)


def _turn(x, y, angle):
    c, s = np.cos(angle), np.sin(angle)
    return c * x + s * y, c * y - s * x


def _distance(items, x, y):
    """Signed distance to the outlines in cells [N, H, W]."""
    radius = _column(items, "radius")
    x, y = _turn(x / radius, y / radius, _column(items, "rotation"))
    distance = np.empty_like(x)
    for shape in sprites.VALUES["shape"]:
        mine = np.array([item["shape"] == shape for item in items])
        distance[mine] = sprites.signed_distance(shape, x[mine], y[mine])
    return distance * radius


def _texture(items, x, y, soft):
    """Ink of the strokes [N, H, W]; they swell away from a light at the upper left."""
    spacing = _column(items, "spacing")
    tone = np.clip(0.5 + (x + y) / (3.6 * _column(items, "radius")), 0, 1)
    u, v = _turn(x / spacing, y / spacing, _column(items, "direction"))
    u, v = u + _column(items, "phase"), v + _column(items, "phase")
    kind = np.array([item["texture"] for item in items])
    gap = np.empty_like(u)  # distance to a stroke's middle, in spacings
    width = np.empty_like(u)
    for texture, stroke in _STROKES.items():
        mine = kind == texture
        gap[mine], width[mine] = stroke(u[mine], v[mine], tone[mine])
    return _cover((gap - width) * spacing, soft)


def _off(u):
    """Distance to the nearest integer."""
    return np.abs(u - np.rint(u))


def _hatching(u, v, tone):
    return _off(u), 0.1 + 0.22 * tone


def _cross_hatching(u, v, tone):
    """Second strokes appear only in the shade, as an engraver lays them."""
    width = 0.1 + 0.12 * tone
    return np.minimum(_off(u), _off(v) + 0.25 * (1 - tone) - 0.08), width


def _stipple(u, v, tone):
    row = np.rint(v * 1.15)
    return np.hypot(_off(u + 0.5 * (row % 2)), _off(v * 1.15) / 1.15), 0.16 + 0.2 * tone


_STROKES = dict(zip(TEXTURES, (_hatching, _cross_hatching, _stipple), strict=True))
