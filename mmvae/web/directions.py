"""The principal directions of the aggregate posterior: what sliders move along."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from jaxtyping import Float

from mmvae.models.aggregate_posterior import AggregatePosterior

_MOST = 10


@dataclass(frozen=True)
class Directions:
    """Unit vectors in which latents of the training pairs vary most.

    Attributes:
        centre: mean latent.
        vectors: orthonormal, widest first.
        spread: standard deviation of training latents along each.
        share: share of the whole variance along each.
    """

    REACH: ClassVar[int] = 4  # standard deviations either way

    centre: Float[np.ndarray, " D"]
    vectors: Float[np.ndarray, "D n"]
    spread: Float[np.ndarray, " n"]
    share: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, aggregate: AggregatePosterior) -> Self:
        """Directions of a fitted aggregate posterior: of the mixture's own covariance."""
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
    def count(self) -> int:
        """Number n of directions."""
        return len(self.spread)

    def places(self, latent: Float[np.ndarray, " D"]) -> Float[np.ndarray, " n"]:
        """Coordinates of a latent, in standard deviations."""
        return (latent - self.centre) @ self.vectors / self.spread

    def moved(
        self, latent: Float[np.ndarray, " D"], places: Sequence[float] | Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " D"]:
        """The latent with these coordinates, all else being as in `latent`."""
        change = (np.asarray(places) - self.places(latent)) * self.spread
        return (latent + self.vectors @ change).astype(np.float32)
