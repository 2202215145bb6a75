"""Rows through a compiled function, in batches of one shape."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

ROWS = 16  # of every compiled call


def in_batches(function: Callable, *trees: Any) -> Any:
    """`function` of trees of arrays [ROWS, ...], applied to trees of [N, ...]; NumPy out.

    The last batch is padded with its last row, and the padding's answers are dropped.

    Raises:
        ValueError: no rows, or different numbers of them.
    """
    counts = {len(leaf) for leaf in jax.tree.leaves(trees)}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"inputs have {sorted(counts)} rows; each needs the same number, not 0")
    (count,) = counts
    results = []
    for start in range(0, count, ROWS):
        part = jax.tree.map(lambda x, at=start: _padded(x[at : at + ROWS]), trees)
        results.append(jax.device_get(function(*part)))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *results)


def _padded(rows):
    return np.concatenate([rows, np.repeat(rows[-1:], ROWS - len(rows), axis=0)])
