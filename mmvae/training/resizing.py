"""Parameters of one input size in the shape of another: pictures, channels, caption lengths.

What a parameter did at its places it does at those that took their place: grids of patches are
interpolated, pieces of a caption keep their position.
"""

import math
from fnmatch import fnmatchcase

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped
from ml_collections import ConfigDict

from mmvae.models.mmvae import MODALITIES


def resized(
    path: str,
    stored: Shaped[np.ndarray, "..."],
    fresh: Shaped[np.ndarray, "..."],
    before: ConfigDict,
    after: ConfigDict,
) -> Shaped[np.ndarray, "..."] | None:
    """A stored parameter in the shape of a fresh one, or None where no rule knows how.

    Args:
        path: its path, the same in both models.
        stored: the array of one model.
        fresh: the array of the other, of which the shape counts.
        before, after: `config.model.modalities` of the two models.
    """
    for name, spec in after.items():
        for pattern, rule in MODALITIES[spec.kind].RESIZED:
            if fnmatchcase(path, pattern.format(name)):
                return _RULES[rule](stored, fresh, before[name], spec)
    return None


def _grid_rows(stored, fresh, *_):
    """Positions [P, W] of a square grid of patches, interpolated to another number of them."""
    return _grid(stored, len(fresh)) if stored.shape[1] == fresh.shape[1] else None


def _read_grid(stored, fresh, _, spec):
    """Rows [P squeeze, M] of a matrix that reads all patches: their sum is kept."""
    if stored.shape[1] != fresh.shape[1]:
        return None
    read = _grid(stored.reshape(-1, spec.squeeze, stored.shape[1]), len(fresh) // spec.squeeze)
    return None if read is None else read.reshape(fresh.shape) * (len(stored) / len(fresh))


def _write_grid(stored, fresh, _, spec):
    """Columns [..., P squeeze] of a matrix, or a bias, that writes all patches."""
    if stored.shape[:-1] != fresh.shape[:-1]:
        return None
    places = np.moveaxis(stored.reshape(*stored.shape[:-1], -1, spec.squeeze), -2, 0)
    written = _grid(places, fresh.shape[-1] // spec.squeeze)
    return None if written is None else np.moveaxis(written, 0, -2).reshape(fresh.shape)


def _grid(places, count):
    """Values [P, ...] at the places of a square grid, interpolated to `count` places."""
    old, new = math.isqrt(len(places)), math.isqrt(count)
    if old * old != len(places) or new * new != count:
        return None
    square = places.reshape(old, old, -1)
    wanted = (new, new, square.shape[-1])
    return np.asarray(jax.image.resize(square, wanted, "bilinear")).reshape(
        count, *places.shape[1:]
    )


def _text_rows(stored, fresh, *_):
    """Positions [L, W] of a caption: the first keep theirs, later ones are fresh."""
    return _first(stored, fresh, fresh)


def _read_text(stored, fresh, *_):
    """Rows [L squeeze, M] that read a caption: new places are not read at first."""
    return _first(stored, fresh, np.zeros_like(fresh))


def _first(stored, fresh, rest):
    if stored.shape[1] != fresh.shape[1]:
        return None
    kept = min(len(stored), len(fresh))
    return np.concatenate([stored[:kept], rest[kept:]])


def _read_patch(stored, fresh, before, after):
    """Rows [patch patch channels, W] that embed a patch, for another size and other colours."""
    if stored.shape[1] != fresh.shape[1]:
        return None
    weights = stored.reshape(before.patch**2, -1, stored.shape[1])
    weights = _read_channels(weights, len(fresh) // after.patch**2)
    if weights is None:
        return None
    if before.patch != after.patch:
        weights = np.einsum("np,pcw->ncw", _patch_map(before.patch, after.patch), weights)
    return weights.reshape(fresh.shape)


def _patch_map(old, new):
    """Matrix [new new, old old] for weights, under which a resized patch embeds as it did.

    The pseudo-inverse of resizing, transposed (Beyer et al. 2023, section 3.4).
    """
    basis = jnp.eye(old * old).reshape(-1, old, old)
    resize = jax.image.resize(basis, (old * old, new, new), "bilinear").reshape(old * old, -1)
    return np.linalg.pinv(np.asarray(resize, np.float64)).astype(np.float32)


def _read_channels(weights, channels):
    """Weights [pixels, C, W]: grey shared among colours, or colours summed to grey."""
    old = weights.shape[1]
    if old == channels:
        return weights
    if (old, channels) == (1, 3):
        return np.repeat(weights, 3, axis=1) / 3
    return weights.sum(1, keepdims=True) if (old, channels) == (3, 1) else None


def _write_channels(stored, fresh, *_):
    """Columns [..., pixels channels]: the same grey in every colour, or the mean colour."""
    (*rows, old), (*wanted, new) = stored.shape, fresh.shape
    if rows != wanted:
        return None
    if new == 3 * old:
        return np.repeat(stored, 3, axis=-1)
    return stored.reshape(*rows, new, 3).mean(-1) if old == 3 * new else None


_RULES = {
    "grid_rows": _grid_rows,
    "read_grid": _read_grid,
    "write_grid": _write_grid,
    "read_patch": _read_patch,
    "write_channels": _write_channels,
    "text_rows": _text_rows,
    "read_text": _read_text,
}
