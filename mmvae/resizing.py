"""Parameters of one input size in the shape of another: pictures, channels, caption lengths.

What a parameter did at its places it does at those that took their place: grids of patches are
interpolated, pieces of a caption keep their position.
"""

import math
from fnmatch import fnmatchcase

import jax
import numpy as np


def resized(path, stored, fresh, modalities):
    """A stored parameter in the shape of a fresh one, or None where no rule knows how.

    Args:
        path: its path, the same in both models.
        stored, fresh: arrays.
        modalities: `config.model.modalities`, alike in both models.
    """
    for name, spec in modalities.items():
        for pattern, rule in _RULES[spec.kind]:
            if fnmatchcase(path, pattern.format(name)):
                return rule(stored, fresh, spec.squeeze)
    return None


def _grid_rows(stored, fresh, _):
    """Positions [P, W] of a square grid of patches, interpolated to another number of them."""
    return _grid(stored, len(fresh)) if stored.shape[1] == fresh.shape[1] else None


def _read_grid(stored, fresh, squeeze):
    """Rows [P squeeze, M] of a matrix that reads all patches: their sum is kept."""
    if stored.shape[1] != fresh.shape[1]:
        return None
    read = _grid(stored.reshape(-1, squeeze, stored.shape[1]), len(fresh) // squeeze)
    return None if read is None else read.reshape(fresh.shape) * (len(stored) / len(fresh))


def _write_grid(stored, fresh, squeeze):
    """Columns [..., P squeeze] of a matrix, or a bias, that writes all patches."""
    if stored.shape[:-1] != fresh.shape[:-1]:
        return None
    places = np.moveaxis(stored.reshape(*stored.shape[:-1], -1, squeeze), -2, 0)
    written = _grid(places, fresh.shape[-1] // squeeze)
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


def _text_rows(stored, fresh, _):
    """Positions [L, W] of a caption: the first keep theirs, later ones are fresh."""
    return _first(stored, fresh, fresh)


def _read_text(stored, fresh, _):
    """Rows [L squeeze, M] that read a caption: new places are not read at first."""
    return _first(stored, fresh, np.zeros_like(fresh))


def _first(stored, fresh, rest):
    if stored.shape[1] != fresh.shape[1]:
        return None
    kept = min(len(stored), len(fresh))
    return np.concatenate([stored[:kept], rest[kept:]])


def _read_channels(stored, fresh, _):
    """Rows [pixels channels, W]: grey weights shared among colours, or colours summed to grey."""
    if stored.shape[1] != fresh.shape[1]:
        return None
    if len(fresh) == 3 * len(stored):
        return np.repeat(stored, 3, axis=0) / 3
    return stored.reshape(len(fresh), 3, -1).sum(1) if len(stored) == 3 * len(fresh) else None


def _write_channels(stored, fresh, _):
    """Columns [..., pixels channels]: the same grey in every colour, or the mean colour."""
    (*rows, old), (*wanted, new) = stored.shape, fresh.shape
    if rows != wanted:
        return None
    if new == 3 * old:
        return np.repeat(stored, 3, axis=-1)
    return stored.reshape(*rows, new, 3).mean(-1) if old == 3 * new else None


_RULES = {  # {} is the name of a modality of that kind
    "image": (
        ("encoders_{}/positions/vectors", _grid_rows),
        ("encoders_{}/PosteriorHead_0/moments/kernel", _read_grid),
        ("encoders_{}/embed/kernel", _read_channels),
        ("decoders_{}/LatentCanvas_0/positions/vectors", _grid_rows),
        ("decoders_{}/LatentCanvas_0/expand/*", _write_grid),
        ("decoders_{}/Upsampler_0/Dense_*", _write_channels),
    ),
    "caption": (
        ("encoders_{}/positions/vectors", _text_rows),
        ("encoders_{}/PosteriorHead_0/moments/kernel", _read_text),
        ("decoders_{}/positions/vectors", _text_rows),
    ),
}
