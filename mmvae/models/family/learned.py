"""Learned parameters of posteriors and priors."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mmvae.models.gaussian import Gaussian


class PrecisionWeights(nn.Module):
    """Experts as a weighted product wants them: precisions times weights that sum to 1.

    Of each latent dimension, over the modalities that a row has; so one alone counts whole.
    Sources: Cao & Fleet 2014 (generalised product of experts); Lawry Aguila et al. 2023.
    """

    names: tuple[str, ...]
    latent_dim: int

    @nn.compact
    def __call__(
        self, experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
    ) -> dict[str, Gaussian]:
        shape = (len(self.names), self.latent_dim)
        odds = self.param("odds", nn.initializers.zeros, shape)
        shown = jnp.stack([present[name] for name in experts], axis=-1)[..., None]
        own = jnp.stack([odds[self.names.index(name)] for name in experts])
        log_weights = jax.nn.log_softmax(jnp.where(shown, own[None], -jnp.inf), axis=1)
        log_weights = jnp.where(shown, log_weights, 0.0)
        return {
            name: Gaussian(expert.mean, expert.logvar - log_weights[:, place])
            for place, (name, expert) in enumerate(experts.items())
        }


class ClusterPrior(nn.Module):
    """A learned mixture of Gaussians as the prior of shared latents: log p(u), in nats.

    Source: Palumbo et al. 2024 (CMVAE), section 3.
    """

    count: int

    @nn.compact
    def __call__(self, u: Float[Array, "*B U"]) -> Float[Array, "*B"]:
        shape = (self.count, u.shape[-1])
        centres = Gaussian(
            self.param("mean", nn.initializers.normal(1.0), shape),
            self.param("logvar", nn.initializers.zeros, shape),
        )
        odds = self.param("odds", nn.initializers.zeros, (self.count,))
        each = jax.vmap(lambda centre: centre.log_prob(u), out_axes=-1)
        lift = lambda x: x.reshape(self.count, *[1] * (u.ndim - 1), u.shape[-1])
        components = each(jax.tree.map(lift, centres))
        log_weights = jax.nn.log_softmax(odds).reshape(*[1] * (u.ndim - 1), self.count)
        return jax.nn.logsumexp(components + log_weights, axis=-1)


class CodeScale(nn.Module):
    """Learned scales [W] of the zero-mean prior of private codes, 1 at first.

    Source: Palumbo et al. 2023 (MMVAE+), section 3, the auxiliary priors.
    """

    size: int

    @nn.compact
    def __call__(self) -> Float[Array, " W"]:
        return jnp.exp(0.5 * self.param("logvar", nn.initializers.zeros, (self.size,)))
