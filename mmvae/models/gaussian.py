"""Diagonal Gaussians: sampling, log-density and divergences, in float32 and stable forms."""

import jax
import jax.numpy as jnp
from flax import struct

# exp(+-MAX_LOGVAR) stays far inside float32, and no useful posterior lies outside.
MAX_LOGVAR = 12.0


@struct.dataclass
class Gaussian:
    """Diagonal Gaussian N(mean, exp(logvar)); both [..., D] float32."""

    mean: jax.Array
    logvar: jax.Array


def standard(shape):
    """N(0, I) of the given shape."""
    return Gaussian(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))


def from_logits(mean, logvar):
    """Gaussian from network outputs of any float dtype; log-variances softly bounded."""
    logvar = MAX_LOGVAR * jnp.tanh(logvar.astype(jnp.float32) / MAX_LOGVAR)
    return Gaussian(mean.astype(jnp.float32), logvar)


def sample(q, key):
    """One reparametrised draw [..., D] (Kingma & Welling 2014, section 2.4)."""
    noise = jax.random.normal(key, q.mean.shape, jnp.float32)
    return q.mean + jnp.exp(0.5 * q.logvar) * noise


def log_prob(q, z):
    """log N(z; mean, exp(logvar)), summed over D: [...]."""
    squared = jnp.square(z - q.mean) * jnp.exp(-q.logvar)
    return -0.5 * jnp.sum(squared + q.logvar + jnp.log(2 * jnp.pi), axis=-1)


def kl(q, p):
    """KL(q || p) per dimension [..., D], in nats and never negative."""
    difference = q.logvar - p.logvar
    squared = jnp.square(q.mean - p.mean) * jnp.exp(-p.logvar)
    # expm1 keeps precision where the variances almost agree.
    return 0.5 * (jnp.expm1(difference) - difference + squared)
