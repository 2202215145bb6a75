"""A learned prior over the shared latent: a small conditional flow.

A Gaussian posterior given only a caption cannot follow the curved set of latents that
pictures with that caption occupy (a rotation, say, is a ring), and samples between them
decode to blur. The flow learns that set for the caption at hand, and unconditionally.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp


class VelocityField(nn.Module):
    """Velocity of the flow from N(0, I) at t = 0 to latents at t = 1.

    z [B, D], t [B] in [0, 1], conditions {name: [B, D]} (unimodal posterior means) of which
    `known` {name: [B] bool} says which count. Returns [B, D] float32. Source: Lipman et al.
    2023 (flow matching) with straight paths. The signal of time and conditions is added in
    every layer: scaling by it as well learned slower at the same cost (docs/model.md).
    """

    width: int
    layers: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, z, t, conditions, known):
        dense = lambda size, name: nn.Dense(size, dtype=self.dtype, name=name)
        signal = dense(self.width, "time")(_fourier(t, self.width).astype(self.dtype))
        for name, condition in conditions.items():
            keep = known[name][:, None]
            features = jnp.concatenate([condition * keep, keep], axis=-1)
            signal += dense(self.width, f"read_{name}")(features.astype(self.dtype))
        x = dense(self.width, "latent")(z.astype(self.dtype)) + signal
        for layer in range(self.layers):
            h = nn.LayerNorm(dtype=self.dtype)(x)
            h = nn.silu(dense(self.width, f"hidden_{layer}")(h) + signal)
            x = x + dense(self.width, f"out_{layer}")(h)
        x = nn.LayerNorm(dtype=self.dtype)(x).astype(jnp.float32)
        return nn.Dense(z.shape[-1], kernel_init=nn.initializers.zeros, name="velocity")(x)


def _fourier(t, width):
    frequencies = jnp.exp(jnp.linspace(0.0, jnp.log(1000.0), width // 2))
    angles = t[:, None] * frequencies[None, :]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def flow_path(z, noise, t):
    """Point and velocity at t of the straight path from noise to z: two arrays [B, D]."""
    t = t[:, None]
    return (1 - t) * noise + t * z, z - noise


def integrate(velocity, noise, steps):
    """Latents [B, D] at t = 1 from noise at t = 0, in `steps` Heun steps.

    `velocity(z, t)` maps [B, D] and [B] to [B, D].
    """

    def heun(z, index):
        t = jnp.full(z.shape[:1], index / steps)
        slope = velocity(z, t)
        ahead = velocity(z + slope / steps, t + 1 / steps)
        return z + 0.5 * (slope + ahead) / steps, None

    return jax.lax.scan(heun, noise, jnp.arange(steps))[0]
