"""Diagonal Gaussians: sampling, log-density and divergences, in float32 and stable forms."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

# exp(+-MAX_LOGVAR) stays far inside float32, and no useful posterior lies outside.
MAX_LOGVAR = 12.0


@struct.dataclass
class Gaussian:
    """Diagonal Gaussian N(mean, exp(logvar)); both [..., D] float32. A posterior.

    A posterior has `mean` and `deviation`, `sample`, `log_prob`, `kl` to N(0, I) and
    `kl_per_dimension`; `mixture.Mixture` is another.
    """

    mean: jax.Array
    logvar: jax.Array

    @property
    def deviation(self) -> Float[Array, "*B D"]:
        """Standard deviation of each dimension."""
        return jnp.exp(0.5 * self.logvar)

    @property
    def variance(self) -> Float[Array, "*B D"]:
        """Variance of each dimension."""
        return jnp.exp(self.logvar)

    def standard(self) -> "Gaussian":
        """N(0, I) of the same shape."""
        return jax.tree.map(jnp.zeros_like, self)

    def at(self, noise: Float[Array, "*B D"]) -> Float[Array, "*B D"]:
        """The point that standard normal noise stands for."""
        return self.mean + self.deviation * noise

    def sample(self, keys: Key[Array, " B"], temperature: float = 1.0) -> Float[Array, "B D"]:
        """One reparametrised sample of each row (Kingma & Welling 2014, section 2.4).

        `temperature` scales the noise.
        """
        return self.at(temperature * normal(keys, self.mean.shape[1:]))

    def log_prob(self, z: Float[Array, "*B D"]) -> Float[Array, "*B"]:
        """log N(z; mean, exp(logvar)), summed over D, in nats."""
        squared = jnp.square(z - self.mean) * jnp.exp(-self.logvar)
        return -0.5 * jnp.sum(squared + self.logvar + jnp.log(2 * jnp.pi), axis=-1)

    def kl(self, keys: Key[Array, " B"] | None = None) -> Float[Array, "B D"]:
        """KL to N(0, I) of each dimension, in nats; closed, so that no key is needed."""
        return kl(self, standard(self.mean.shape))

    def kl_per_dimension(self) -> Float[Array, "B D"]:
        """The same, for statistics of the dimensions."""
        return self.kl()


def standard(shape: tuple[int, ...]) -> Gaussian:
    """N(0, I) of the given shape."""
    return Gaussian(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))


def scaled(shape: tuple[int, ...], scale: Float[Array, " D"] | float = 1.0) -> Gaussian:
    """Gaussian of mean 0 with standard deviations `scale`, of the given shape."""
    return Gaussian(jnp.zeros(shape), 2 * jnp.log(jnp.broadcast_to(scale, shape)))


def from_logits(mean: Float[Array, "*B D"], logvar: Float[Array, "*B D"]) -> Gaussian:
    """Gaussian from network outputs of any float dtype; log-variances softly bounded."""
    logvar = MAX_LOGVAR * jnp.tanh(logvar.astype(jnp.float32) / MAX_LOGVAR)
    return Gaussian(mean.astype(jnp.float32), logvar)


def chosen(shown: Bool[Array, " B"], this: Gaussian, other: Gaussian) -> Gaussian:
    """`this` in the rows that are shown, `other` in the rest."""
    return jax.tree.map(lambda a, b: jnp.where(shown[:, None], a, b), this, other)


def normal(keys: Key[Array, " B"], shape: tuple[int, ...]) -> Float[Array, "B ..."]:
    """Standard normal float32 numbers, each row from its own key."""
    return jax.vmap(lambda key: jax.random.normal(key, shape, jnp.float32))(keys)


def kl(q: Gaussian, p: Gaussian) -> Float[Array, "*B D"]:
    """KL(q || p) per dimension, in nats and never negative."""
    difference = q.logvar - p.logvar
    squared = jnp.square(q.mean - p.mean) * jnp.exp(-p.logvar)
    # expm1 keeps precision where the variances almost agree.
    return 0.5 * (jnp.expm1(difference) - difference + squared)
