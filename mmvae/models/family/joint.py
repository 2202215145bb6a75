"""An encoder of all modalities at once, beside those of each."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Key, Shaped

from mmvae.models.gaussian import Gaussian, from_logits


class JointEncoder(nn.Module):
    """{name: data [B, ...]} of all modalities -> Gaussian [B, D].

    Each modality has an encoder of its kind, whose moments are features here; two layers read
    them together. Nothing is shared with the encoders of the modalities alone.
    """

    encoders: Mapping[str, nn.Module]
    latent_dim: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, inputs: Mapping[str, Shaped[Array, "B ..."]], keys: Key[Array, " B"] | None = None
    ) -> Gaussian:
        read = [self.encoders[name](inputs[name], keys) for name in self.encoders]
        features = jnp.concatenate([x for q in read for x in (q.mean, q.logvar)], axis=-1)
        width = 2 * self.latent_dim
        hidden = nn.Dense(width, dtype=self.dtype, name="read")(features.astype(self.dtype))
        moments = nn.Dense(width, dtype=self.dtype, name="moments")(nn.gelu(hidden))
        return from_logits(*jnp.split(moments, 2, axis=-1))
