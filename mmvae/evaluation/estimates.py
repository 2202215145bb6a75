"""A number with its 95 % bootstrap interval and the number of items behind it.

Items are resampled with replacement (Efron 1979). Two evaluations of the same items with the
same seed resample alike, so that their difference is a paired one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

REPLICATES = 500
_INTERVAL = (2.5, 97.5)  # percent


@dataclass(frozen=True)
class Estimate:
    """What was measured.

    Attributes:
        value: over all items.
        count: number of items (pictures, captions, prompts).
        replicates: values of resampled items, or None where resampling would mislead (a
            statistic of repeats, say).
    """

    value: float
    count: int
    replicates: Float[np.ndarray, " R"] | None = None

    @property
    def interval(self) -> tuple[float, float] | tuple[None, None]:
        """(low, high) of the 95 % bootstrap interval, or (None, None)."""
        if self.replicates is None or not np.all(np.isfinite(self.replicates)):
            return None, None
        return tuple(float(bound) for bound in np.percentile(self.replicates, _INTERVAL))

    def scaled(self, factor: float) -> "Estimate":
        """`factor` times this."""
        replicates = None if self.replicates is None else factor * self.replicates
        return Estimate(factor * self.value, self.count, replicates)

    def record(self) -> dict[str, float | int | None]:
        """{"value", "low", "high", "count"} for JSON; a number that is not finite is None."""
        low, high = self.interval
        return {"value": _finite(self.value), "low": low, "high": high, "count": self.count}


@dataclass(frozen=True)
class Resampling:
    """Bootstrap of any statistic, from one seed."""

    seed: int

    def mean(
        self,
        totals: ArrayLike,
        counts: ArrayLike | None = None,
        transform: Callable = lambda mean: mean,
    ) -> Estimate:
        """transform(sum of totals / sum of counts), both [N]; counts default to 1.

        Sums and counts, so that a long caption weighs as much as its tokens.
        """
        totals = np.asarray(totals, np.float64)
        counts = np.ones_like(totals) if counts is None else np.asarray(counts, np.float64)
        weights = repeats(len(totals), self.seed)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value = transform(totals.sum() / counts.sum())
            replicates = transform((weights @ totals) / (weights @ counts))
        return Estimate(float(value), len(totals), replicates)

    def statistic(self, function: Callable, count: int) -> Estimate:
        """A function of how often each of `count` items is taken, int [count]."""
        replicates = [function(weights) for weights in repeats(count, self.seed)]
        return Estimate(float(function(np.ones(count, int))), count, np.array(replicates))


@lru_cache(maxsize=8)
def repeats(count: int, seed: int) -> Int[np.ndarray, "R N"]:
    """How often each of `count` items is taken in each of `REPLICATES` replicates."""
    random = np.random.default_rng([seed, count])
    return random.multinomial(count, np.full(count, 1 / count), size=REPLICATES)


def difference(ours: Estimate, theirs: Estimate) -> Estimate:
    """ours - theirs; paired where both resampled the same items."""
    replicates = None
    if ours.replicates is not None and theirs.replicates is not None:
        replicates = ours.replicates - theirs.replicates
    return Estimate(ours.value - theirs.value, min(ours.count, theirs.count), replicates)


def _finite(value):
    return value if np.isfinite(value) else None
