"""The principal directions of the aggregate posterior: what sliders move along."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

_MOST = 10


@dataclass(frozen=True)
class Directions:
    """Unit vectors in which latents of the training pairs vary most.

    Attributes:
        centre: mean latent [D].
        vectors: [D, n] orthonormal, widest first.
        spread: standard deviation of training latents along each [n].
        share: share of the whole variance along each [n].
    """

    REACH: ClassVar[int] = 4  # standard deviations either way

    centre: np.ndarray
    vectors: np.ndarray
    spread: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, aggregate):
        """Directions of a fitted `AggregatePosterior`: of the mixture's own covariance."""
        at = aggregate.arrays
        weights, means = at["weights"][:, None], at["means"]
        within = np.einsum("k,kij,klj->il", at["weights"], at["factors"], at["factors"])
        middle = (weights * means).sum(axis=0)
        covariance = within + (weights * means).T @ means - np.outer(middle, middle)
        variances, axes = np.linalg.eigh(covariance)
        order = np.argsort(-variances)[:_MOST]
        total = variances.sum() + np.square(at["rest"]).sum()
        return cls(
            (at["mean"] + at["directions"] @ middle).astype(np.float32),
            (at["directions"] @ axes[:, order]).astype(np.float32),
            np.sqrt(variances[order]).astype(np.float32),
            variances[order] / total,
        )

    @property
    def count(self):
        """Number n of directions."""
        return len(self.spread)

    def places(self, latent):
        """Coordinates [n] of a latent [D], in standard deviations."""
        return (latent - self.centre) @ self.vectors / self.spread

    def moved(self, latent, places):
        """The latent [D] with these coordinates [n], all else being as in `latent`."""
        change = (np.asarray(places) - self.places(latent)) * self.spread
        return (latent + self.vectors @ change).astype(np.float32)
