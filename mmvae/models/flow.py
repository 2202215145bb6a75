"""Flows along straight paths: the path, its velocity, and following a velocity to its end.

Source: Lipman et al. 2023, "Flow matching for generative modeling".
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def fourier(t: Float[Array, " B"], width: int) -> Float[Array, "B W"]:
    """Sines and cosines of times at frequencies from 1 to 1,000."""
    frequencies = jnp.exp(jnp.linspace(0.0, jnp.log(1000.0), width // 2))
    angles = t[:, None] * frequencies[None, :]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def flow_path(
    z: Float[Array, "B D"], noise: Float[Array, "B D"], t: Float[Array, " B"]
) -> tuple[Float[Array, "B D"], Float[Array, "B D"]]:
    """Point and velocity at t of the straight path from noise to z."""
    t = t[:, None]
    return (1 - t) * noise + t * z, z - noise


def integrate(velocity: Callable, noise: Float[Array, "B D"], steps: int) -> Float[Array, "B D"]:
    """Points at t = 1 from noise at t = 0, in `steps` Heun steps.

    `velocity(z, t)` maps [B, D] and [B] to [B, D].
    """

    def heun(z, index):
        t = jnp.full(z.shape[:1], index / steps)
        slope = velocity(z, t)
        ahead = velocity(z + slope / steps, t + 1 / steps)
        return z + 0.5 * (slope + ahead) / steps, None

    return jax.lax.scan(heun, noise, jnp.arange(steps))[0]
