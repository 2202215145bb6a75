"""The aggregate posterior as a Gaussian mixture: a cheap sampler of new latents.

What the encoder makes of the training pairs is not N(0, I), and draws of N(0, I) decode to
nothing in particular; a mixture fitted after training is close to it (Ghosh et al. 2020,
"From variational to deterministic autoencoders", section 4).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped

DIRECTIONS = 64  # principal directions that the mixture sees; the others get one Gaussian
COMPONENTS = (1, 10, 30, 100)


class AggregatePosterior:
    """A fitted mixture of K full-covariance Gaussians over d principal directions of D.

    Args:
        arrays: {"mean" [D], "directions" [D, d], "rest" [D] standard
            deviation outside of them, "weights" [K], "means" [K, d], "factors" [K, d, d]
            Cholesky factors of the covariances}.
    """

    def __init__(self, arrays: dict[str, Shaped[np.ndarray, "..."]]) -> None:
        self.arrays = arrays

    @classmethod
    def fit(
        cls, train: Float[np.ndarray, "N D"], held_out: Float[np.ndarray, "M D"], seed: int = 0
    ) -> "AggregatePosterior":
        """Mixture of latents `train` whose size is best on `held_out`."""
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture

        size = min(DIRECTIONS, train.shape[1], len(train) - 1)
        basis = PCA(size, random_state=seed).fit(train)
        low, low_held_out = basis.transform(train), basis.transform(held_out)
        # Every component has to find the data for its covariance.
        fitting = [k for k in COMPONENTS if k == 1 or k * 2 * size <= len(train)]
        mixtures = [GaussianMixture(k, reg_covar=1e-4, random_state=seed).fit(low) for k in fitting]
        best = max(mixtures, key=lambda mixture: mixture.score(low_held_out))
        outside = train - basis.inverse_transform(low)
        return cls(
            {
                "mean": basis.mean_.astype(np.float32),
                "directions": basis.components_.T.astype(np.float32),
                "rest": outside.std(axis=0).astype(np.float32),
                "weights": best.weights_,
                "means": best.means_.astype(np.float32),
                "factors": np.linalg.cholesky(best.covariances_).astype(np.float32),
            }
        )

    def sample(self, seeds: Sequence[int], temperature: float = 1.0) -> Float[np.ndarray, "N D"]:
        """Latents, one for each seed; `temperature` scales the noise of a component."""
        return np.stack([self._one(int(seed), temperature) for seed in seeds])

    def _one(self, seed, temperature):
        at, random = self.arrays, np.random.default_rng(seed)
        k = random.choice(len(at["weights"]), p=at["weights"])
        noise = random.standard_normal(at["factors"].shape[-1], np.float32)
        low = at["means"][k] + temperature * at["factors"][k] @ noise
        rest = temperature * at["rest"] * random.standard_normal(len(at["rest"]), np.float32)
        return at["mean"] + at["directions"] @ low + rest
