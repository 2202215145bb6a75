"""Factorised Laplace distributions as posteriors of mixture objectives."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from mmvae.models.gaussian import Gaussian


@struct.dataclass
class Laplace:
    """Laplace(mean, scale) in each dimension; both [..., D]. A posterior, as `Gaussian` is."""

    mean: jax.Array
    scale: jax.Array

    @property
    def deviation(self) -> Float[Array, "*B D"]:
        """Standard deviation of each dimension."""
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Float[Array, "*B D"]:
        """Variance of each dimension."""
        return 2 * jnp.square(self.scale)

    def standard(self) -> "Laplace":
        """Location 0 and scale 1, of the same shape."""
        return Laplace(jnp.zeros_like(self.mean), jnp.ones_like(self.scale))

    def at(self, noise: Float[Array, "*B D"]) -> Float[Array, "*B D"]:
        """The point that noise of the standard Laplace distribution stands for."""
        return self.mean + self.scale * noise

    def sample(self, keys: Key[Array, " B"], temperature: float = 1.0) -> Float[Array, "B D"]:
        """One reparametrised sample of each row; `temperature` scales the noise."""
        shape = self.mean.shape[1:]
        noise = jax.vmap(lambda key: jax.random.laplace(key, shape, self.mean.dtype))(keys)
        return self.at(temperature * noise)

    def log_prob(self, z: Float[Array, "*B D"]) -> Float[Array, "*B"]:
        """Log-density, summed over D, in nats."""
        each = jnp.abs(z - self.mean) / self.scale + jnp.log(2 * self.scale)
        return -jnp.sum(each, axis=-1)

    def kl(self, keys: Key[Array, " B"] | None = None) -> Float[Array, "B D"]:
        """KL to the standard Laplace distribution of each dimension, in nats; closed."""
        away = jnp.abs(self.mean)
        return away + self.scale * jnp.exp(-away / self.scale) - 1 - jnp.log(self.scale)

    def kl_per_dimension(self) -> Float[Array, "B D"]:
        """The same, for statistics of the dimensions."""
        return self.kl()


def scaled(shape: tuple[int, ...], scale: Float[Array, " D"] | float = 1.0) -> Laplace:
    """Laplace of location 0, of the given shape."""
    return Laplace(jnp.zeros(shape), jnp.broadcast_to(scale, shape))


def of_moments(q: Gaussian) -> Laplace:
    """A Laplace expert from an encoder's moments: scales that sum to D.

    Source: the code of Shi et al. 2019 (MMVAE).
    """
    size = q.logvar.shape[-1]
    return Laplace(q.mean, jax.nn.softmax(q.logvar, axis=-1) * size + 1e-6)
