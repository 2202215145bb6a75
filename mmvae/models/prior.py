"""A learned prior over the shared latent: a small conditional flow.

A Gaussian posterior given only a caption cannot follow the curved set of latents that
pictures with that caption occupy (a rotation, say, is a ring), and samples between them
decode to blur. The flow learns that set for the caption at hand, and unconditionally.
"""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mmvae.models.flow import fourier


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
    def __call__(
        self,
        z: Float[Array, "B D"],
        t: Float[Array, " B"],
        conditions: Mapping[str, Float[Array, "B D"]],
        known: Mapping[str, Bool[Array, " B"]],
    ) -> Float[Array, "B D"]:
        dense = lambda size, name: nn.Dense(size, dtype=self.dtype, name=name)
        signal = dense(self.width, "time")(fourier(t, self.width).astype(self.dtype))
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
