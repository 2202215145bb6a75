"""Rows by what they have, and how many of each kind a batch holds.

A kind is named after what its rows have: "caption", "image+label"; a "pair" has every modality of
the run. NumPy only.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int32

from mmvae.errors import UserError, did_you_mean

PAIR = "pair"  # all that a row can have
_WITH = "+"  # between the names of several

Present = Mapping[str, Bool[np.ndarray, " N"]]


@dataclass(frozen=True)
class Pool:
    """Rows of a split of which a batch holds a fixed number.

    Attributes:
        rows: their places in the split.
        size: rows of a batch.
    """

    rows: Int32[np.ndarray, " N"]
    size: int


def counts(present: Present) -> dict[str, int]:
    """{kind: number of rows}, the most frequent first."""
    every = list(present)
    shown = Counter(zip(*(present[name].tolist() for name in every)))
    named = {_kind([n for n, has in zip(every, row) if has], every): k for row, k in shown.items()}
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))


def members(kind: str, names: Iterable[str]) -> frozenset[str]:
    """The modalities, of those of a run, that rows of a kind have.

    Raises:
        UserError: the kind names no modality.
    """
    known = list(names)
    given = known if kind == PAIR else kind.split(_WITH)
    for name in given:
        if name not in known:
            raise UserError(
                f"config.data.shares.{kind}: {name} is no modality of this model; it has: "
                f"{', '.join(known)}{did_you_mean(name, known)}"
            )
    return frozenset(given)


def of(present: Present, shares: Mapping[str, float], batch_size: int) -> list[Pool]:
    """The pools of a split; a pass over the first is an epoch.

    Without shares there is one, of all rows. With shares the first is that of pairs or, where
    these have no share, that of the greatest.

    Raises:
        UserError: a share that gives no row, or more than the split holds.
    """
    sizes = batch_sizes(shares, batch_size)
    if not sizes:
        return [Pool(np.arange(_length(present), dtype=np.int32), batch_size)]
    pools = {kind: Pool(_rows(present, kind), size) for kind, size in sizes.items()}
    for kind, pool in pools.items():
        if len(pool.rows) < pool.size:
            held = ", ".join(f"{k} {number:,}" for k, number in counts(present).items())
            raise UserError(
                f"config.data.shares asks for {pool.size} rows of {kind} in a batch, and the "
                f"training split has {len(pool.rows)} ({held}); type --config.data.shares.{kind}=0."
            )
    leading = sorted(sizes, key=lambda kind: (kind != PAIR, -sizes[kind], kind))
    return [pools[kind] for kind in leading]


def batch_sizes(shares: Mapping[str, float], batch_size: int) -> dict[str, int]:
    """{kind: rows of a batch} of those with a share, as near to the shares as whole rows are.

    Raises:
        UserError: a share of less than a row.
    """
    total = sum(shares.values())
    exact = {kind: batch_size * share / total for kind, share in shares.items() if share}
    sizes = {kind: int(rows) for kind, rows in exact.items()}
    by_remainder = sorted(exact, key=lambda kind: (sizes[kind] - exact[kind], kind))
    for kind in by_remainder[: batch_size - sum(sizes.values()) if sizes else 0]:
        sizes[kind] += 1
    for kind, rows in sizes.items():
        if not rows:
            raise UserError(
                f"config.data.shares.{kind}={shares[kind]} is less than one row of "
                f"config.train.batch_size={batch_size}; raise either."
            )
    return sizes


def spread(sizes: Sequence[int]) -> Int[np.ndarray, " B"]:
    """The order of a batch, of its pools' rows one after the other: every stretch of it, such as
    the part of a device, holds the pools' rows about in their shares."""
    places = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    return np.lexsort([np.repeat(np.arange(len(sizes)), sizes), places])


def _rows(present, kind):
    own = members(kind, present)
    fits = np.all([has == (name in own) for name, has in present.items()], axis=0)
    return np.flatnonzero(fits).astype(np.int32)


def _length(present):
    return len(next(iter(present.values())))


def _kind(own, every):
    return PAIR if own == every else _WITH.join(own)
