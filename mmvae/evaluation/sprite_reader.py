"""A reader of engraved sprites: what a picture shows, told from its pixels alone.

It finds the paper, the ink, and the filled figure, and compares the figure with every shape.
`data.sprites` says what there is to see. Lengths are in cells, as there.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, UInt8
from scipy import ndimage
from scipy.spatial.distance import cdist

from mmvae.data.sprites import CELLS, INK, PAPER, VALUES, attributes, signed_distance

_PAPER_REACH = 60  # RGB distance within which a border still counts as that paper
_INK_CONTRAST = 60  # RGB distance from the paper that the strongest ink must have
_INK_COSINE = 0.93  # agreement that a colour's direction from the paper needs
_SIZE_LIMITS = (3.8, 6.5, 10.0)  # radii in cells: no less, small below, big below
_OFF_CENTRE = 1.5  # cells from both middle lines that a corner position needs
_GRID = 64  # pixels that a figure is filled and measured at, or more
_FIT = 0.82  # overlap (intersection over union) with some shape that a figure needs
_REACH = np.linspace(-1.5, 1.5, 25)  # template grid, in radii
_STEP = 10  # degrees between templates


def read(images: UInt8[np.ndarray, "N S S 3"], level: int) -> list[dict[str, str | None]]:
    """Attributes of a level, read back from the pixels of sprites: N dicts {name: value or None}.

    A value is None where there is nothing to read: a border unlike any paper, too little ink,
    or a figure unlike every shape. Pictures have 32 pixels a side or more.

    Raises:
        ValueError: sprites have no such level.
    """
    names = attributes(level)
    if len(images) == 0:
        return []
    paper, pixels = _split_paper(images)
    direction, strength = _inks(pixels)
    ink = np.einsum("nhwc,nc->nhw", pixels, direction) / np.maximum(strength, 1)[:, None, None]
    figure = _figures(ink)
    x, y, radius = _measure(figure)
    shape, fit = _fit_shapes(figure, x, y, radius)
    size = _sizes(radius * CELLS / figure.shape[1])
    seen = (strength > _INK_CONTRAST) & (fit > _FIT)
    for column in (paper, shape, size):
        seen &= np.not_equal(column, None)
    values = {
        "shape": shape,
        "size": size,
        "colour": _colours(direction, paper),
        "position": _positions(x, y, figure.shape[1]),
    }
    rows = {name: np.where(seen, column, None) for name, column in values.items()}
    rows["background"] = paper
    columns = [rows[name] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def right(
    answers: Sequence[dict[str, str | None]], truth: Sequence[dict[str, str | None]], level: int
) -> dict[str, Bool[np.ndarray, " N"]]:
    """Which attributes of a level agree between N answers and the truth: {name: [N]}.

    An attribute answered with None is wrong.

    Raises:
        ValueError: sprites have no such level, or there are not as many answers as truths.
    """
    pairs = list(zip(answers, truth, strict=True))
    return {
        name: np.array([a[name] is not None and a[name] == b[name] for a, b in pairs], bool)
        for name in attributes(level)
    }


def _split_paper(images):
    """Names of the papers [N] and pixels less the paper's colour [N, H, W, 3] float32."""
    border = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    colour = np.median(border, axis=1).astype(np.float32)
    distance = cdist(colour, np.array(list(PAPER.values())))
    names = np.array(list(PAPER), object)[distance.argmin(1)]
    names[distance.min(1) > _PAPER_REACH] = None
    return names, images - colour[:, None, None]


def _inks(pixels):
    """Unit direction of the ink from the paper [N, 3] and its strength [N] (RGB distance)."""
    flat = pixels.reshape(len(pixels), -1, 3)
    distance = np.linalg.norm(flat, axis=2)
    count = flat.shape[1] // CELLS  # no more than the outline of a small shape covers
    strongest = np.argpartition(distance, -count, axis=1)[:, -count:]
    ink = np.take_along_axis(flat, strongest[..., None], axis=1).mean(1)
    strength = np.linalg.norm(ink, axis=1)
    return ink / np.maximum(strength, 1)[:, None], strength


def _figures(ink):
    """Filled figures [N, G, G] in [0, 1] from ink [N, S, S], on a grid G of S or `_GRID`."""
    if ink.shape[1] < _GRID:  # strokes thinner than a pixel close better on a finer grid
        finer = _GRID / ink.shape[1]
        ink = ndimage.zoom(ink, (1, finer, finer), order=1, mode="nearest", grid_mode=True)
    near = np.ones((1, 3, 3), bool)
    cross = ndimage.generate_binary_structure(2, 1)[None]
    closed = ndimage.binary_closing(np.pad(ink > 0.5, ((0, 0), (2, 2), (2, 2))), near)
    filled = ndimage.binary_fill_holes(closed, np.pad(cross, ((1, 1), (0, 0), (0, 0))))
    filled = filled[:, 2:-2, 2:-2]
    # The edge keeps its shades of ink, for an outline finer than a pixel.
    edge = np.where(ndimage.binary_dilation(filled, near), np.clip(ink, 0, 1), 0)
    return np.maximum(ndimage.binary_erosion(filled, near), edge).astype(np.float32)


def _measure(figure):
    """Centroid x, y and radius of figures, each [N], in pixels of their grid."""
    area = np.maximum(figure.sum((1, 2)), 1)
    along = np.arange(figure.shape[1])
    x, y = (figure.sum(axis) @ along / area for axis in (1, 2))
    return x, y, np.sqrt(area / np.pi)


@cache
def _templates():
    """Names [T] and filled shapes of radius 1 [T, P]: every shape, turned by `_STEP` degrees.

    The first is a disc, named None: what a blot without any shape comes closest to.
    """
    x, y = np.meshgrid(_REACH, _REACH)
    names, masks = [None], [_filled(np.hypot(x, y) - 1)]
    for shape, period in (("square", 90), ("ellipse", 180), ("heart", 360)):
        for turn in np.deg2rad(np.arange(0, period, _STEP)):
            c, s = np.cos(turn), np.sin(turn)
            distance = signed_distance(shape, c * x + s * y, c * y - s * x)
            names.append(shape)
            masks.append(_filled(distance))
    return np.array(names, object), np.array(masks, np.float32)


def _filled(distance):
    return np.clip(0.5 - distance / 0.25, 0, 1).ravel()


def _fit_shapes(figure, x, y, radius):
    """Best shape [N] and its overlap [N] in [0, 1] with figures scaled to radius 1.

    The shape is None where a disc fits better than any.
    """
    names, masks = _templates()
    dy, dx = (part.ravel() for part in np.meshgrid(_REACH, _REACH, indexing="ij"))
    rows = y[:, None] + radius[:, None] * dy
    columns = x[:, None] + radius[:, None] * dx
    item = np.broadcast_to(np.arange(len(x))[:, None], rows.shape)
    scaled = ndimage.map_coordinates(figure, [item, rows, columns], order=1)
    both = scaled.sum(1)[:, None] + masks.sum(1)
    apart = cdist(scaled, masks, "cityblock")
    overlap = (both - apart) / (both + apart)
    return names[overlap.argmax(1)], overlap.max(1)


def _sizes(radius):
    names = np.array([None, *VALUES["size"], None], object)
    return names[np.digitize(radius, _SIZE_LIMITS)]


def _colours(direction, paper):
    """Names [N] of the inks whose direction from their paper is nearest, or None."""
    nearest = np.full(len(direction), None, object)
    names = np.array(VALUES["colour"], object)
    for ground, blank in PAPER.items():
        on = paper == ground
        away = np.array([INK[ground][name] for name in names]) - np.array(blank)
        cosine = direction[on] @ (away / np.linalg.norm(away, axis=1, keepdims=True)).T
        nearest[on] = np.where(cosine.max(1) > _INK_COSINE, names[cosine.argmax(1)], None)
    return nearest


def _positions(x, y, size):
    middle, clear = (size - 1) / 2, _OFF_CENTRE * size / CELLS
    names = np.array(VALUES["position"], object)[2 * (y > middle) + (x > middle)]
    off = np.minimum(np.abs(x - middle), np.abs(y - middle)) > clear
    return np.where(off, names, None)
