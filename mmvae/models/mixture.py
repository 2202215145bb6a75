"""Mixtures of factorised distributions: the posterior of a mixture of experts."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from mmvae.models import gaussian
from mmvae.models.gaussian import Gaussian


@struct.dataclass
class Mixture:
    """A mixture of K distributions a row. A posterior, as `gaussian.Gaussian` is.

    Attributes:
        components: Gaussian [B, K, D], or another posterior of that form.
        log_weights: [B, K], summing to 1 as weights; -inf: that component is absent.
    """

    components: Gaussian
    log_weights: jax.Array

    @property
    def mean(self) -> Float[Array, "B D"]:
        """Of the whole mixture."""
        return self._average(self.components.mean)

    @property
    def deviation(self) -> Float[Array, "B D"]:
        """Of the whole mixture: within its components and between them."""
        # Around the mean: a difference of squares loses small deviations far from 0.
        between = jnp.square(self.components.mean - self.mean[:, None])
        return jnp.sqrt(self._average(self.components.variance + between))

    def sample(self, keys: Key[Array, " B"], temperature: float = 1.0) -> Float[Array, "B D"]:
        """One sample of a component chosen by its weight, reparametrised within it."""
        choose = lambda key, odds: jax.random.categorical(jax.random.fold_in(key, 1), odds)
        places = jax.vmap(choose)(keys, self.log_weights)
        return self.chosen(places).sample(keys, temperature)

    def chosen(self, places: Float[Array, " B"]) -> Gaussian:
        """One component of each row: Gaussian [B, D]."""
        take = lambda x: jnp.take_along_axis(x, places[:, None, None], axis=1)[:, 0]
        return jax.tree.map(take, self.components)

    def log_prob(self, z: Float[Array, "B D"]) -> Float[Array, " B"]:
        """Log-density, in nats."""
        each = self.components.log_prob(z[:, None, :])
        return jax.nn.logsumexp(self.log_weights + each, axis=1)

    def kl(self, keys: Key[Array, " B"]) -> Float[Array, " B"]:
        """KL to the prior in nats, N(0, I) for Gaussians, by one sample of every component."""
        of_component = lambda key, k: jax.random.fold_in(key, k)
        total = 0.0
        for k in range(self.log_weights.shape[1]):
            own = jax.vmap(of_component, (0, None))(keys, k)
            component = self.chosen(jnp.full(len(keys), k))
            z = component.sample(own)
            difference = self.log_prob(z) - component.standard().log_prob(z)
            # An absent component has weight 0, and its difference may be infinite.
            weight = jnp.exp(self.log_weights[:, k])
            total += jnp.where(weight > 0, weight * difference, 0.0)
        return total

    def kl_per_dimension(self) -> Float[Array, "B D"]:
        """KL to N(0, I) of the Gaussian with the mixture's moments, for statistics."""
        return gaussian.kl(
            Gaussian(self.mean, 2 * jnp.log(self.deviation)), gaussian.standard(self.mean.shape)
        )

    def _average(self, values):
        weights = jnp.exp(self.log_weights)[..., None]
        return jnp.sum(jnp.where(weights > 0, weights * values, 0.0), axis=1)


def of_experts(experts: list[Gaussian], shown: list[Bool[Array, " B"]]) -> Mixture:
    """Even mixture of the experts that are shown [B] bool; N(0, I) where none is."""
    prior = experts[0].standard()
    nothing = ~jnp.any(jnp.stack(shown), axis=0)
    weights = jnp.stack([*shown, nothing], axis=1).astype(experts[0].mean.dtype)
    components = jax.tree.map(lambda *x: jnp.stack(x, axis=1), *experts, prior)
    return Mixture(components, jnp.log(weights) - jnp.log(jnp.sum(weights, axis=1, keepdims=True)))
