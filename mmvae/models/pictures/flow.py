"""Pictures sampled around the mean one by a flow: the strokes that a mean blurs.

The flow's network predicts the clean picture; its velocity points there (Li & He 2025, "Back to
basics": such predictions stay on pictures where predicted noise would not).
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key, UInt8

from mmvae.models.decoder import Reconstruction
from mmvae.models.flow import flow_path, fourier, integrate
from mmvae.models.gaussian import normal
from mmvae.models.layers import Attention, Dense, Embedded
from mmvae.models.pictures.mean import PictureDecoder, score
from mmvae.models.pictures.pixels import patchify, to_float, to_pixels, unpatchify

_STREAM = 1_000_000  # of a row's key; those below belong to dropout
_SOON = 0.05  # of time: what is nearer to the end counts as this near


class AdaptiveBlock(nn.Module):
    """Transformer block that a signal [B, W] scales, shifts and gates.

    It starts as the identity. Source: Peebles & Xie 2023, section 3.2 (adaLN-Zero).
    """

    heads: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T W"], signal: Float[Array, "B W"]
    ) -> Float[Array, "B T W"]:
        width, dense = x.shape[-1], functools.partial(Dense, dtype=self.dtype)
        modulation = dense(6 * width, kernel_init=nn.initializers.zeros, name="modulation")
        parts = jnp.split(modulation(nn.silu(signal))[:, None], 6, axis=-1)
        attended, _ = Attention(self.heads, self.dtype)(_modulated(x, *parts[:2]))
        x = x + parts[2] * attended
        hidden = nn.gelu(dense(4 * width)(_modulated(x, *parts[3:5])))
        return x + parts[5] * dense(width)(hidden)


class PictureFlow(nn.Module):
    """Clean patches [B, T, P] as expected of noisy ones at times t [B].

    They are expected near the mean picture's patches `mean`, which is where it starts; the
    latents z tell the rest.
    """

    width: int
    heads: int
    layers: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self,
        noisy: Float[Array, "B T P"],
        t: Float[Array, " B"],
        mean: Float[Array, "B T P"],
        z: Float[Array, "B D"],
    ) -> Float[Array, "B T P"]:
        batch, length, size = noisy.shape
        dense = functools.partial(Dense, dtype=self.dtype)
        signal = dense(self.width, name="time")(fourier(t, self.width))
        signal += dense(self.width, name="latent")(z)
        x = dense(self.width, name="embed")(jnp.concatenate([noisy, mean], axis=-1))
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        for layer in range(self.layers):
            x = AdaptiveBlock(self.heads, self.dtype, name=f"block_{layer}")(x, signal)
        x = nn.LayerNorm(dtype=self.dtype)(x).astype(jnp.float32)
        return mean + Dense(size, kernel_init=nn.initializers.zeros, name="lines")(x)


class FlowDecoder(PictureDecoder):
    """The mean decoder with a flow beside it, which samples; it has no density.

    Attributes:
        flow: a PictureFlow.
        steps: of its integration.
        weight: of its loss beside the mean's.
        to_latent: whether its gradient reaches the latent; the mean picture it never reaches.
    """

    flow: nn.Module
    steps: int
    weight: float
    to_latent: bool

    def loss(
        self,
        z: Float[Array, "B D"],
        data: UInt8[Array, "B H W C"],
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> Reconstruction:
        """That of the mean and the flow's weighted one.

        Where nothing trains, the flow's noise is by the picture's own key, so that its loss is
        the same in any batch, and comparable between latents.
        """
        mean = self(z, keys if train else None)
        of_mean = score(mean, data, self.likelihood)
        error = self._error(z, mean, data, keys if train else _keys_of(data))
        metrics = of_mean.metrics | {"flow": (error, of_mean.units)}
        return Reconstruction(of_mean.loss + self.weight * error, of_mean.units, metrics)

    def sample(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> UInt8[Array, "B H W C"]:
        """A picture sampled by each row's key; without keys the mean picture."""
        image = self.shown(self(z))
        if keys is None:
            return to_pixels(image)
        mean = self._patches(image)
        noise = normal(_own(keys), (mean[0].size,))
        velocity = lambda at, t: (self._clean(at, t, mean, z) - at) / _left(t)
        end = integrate(velocity, noise, self.steps)
        # The last hundredths of noise are what the network holds for noise at the end.
        patches = self._clean(end, jnp.ones(z.shape[:1]), mean, z).reshape(mean.shape)
        return to_pixels(unpatchify(patches, self.shape, self.patch))

    def _error(self, z, mean, data, keys):
        """Squared velocity error [B], mean over numbers (Lipman et al. 2023, equation 23)."""
        mean = lax.stop_gradient(self._patches(self.shown(mean)))
        z = z if self.to_latent else lax.stop_gradient(z)
        picture = self._patches(to_float(data)).reshape(len(data), -1)
        t_keys, noise_keys = jax.vmap(jax.random.split)(_own(keys)).T
        # Early times decide what is in the picture (Esser et al. 2024, section 3.1).
        t = jax.nn.sigmoid(jax.vmap(jax.random.normal)(t_keys) - 0.4)
        at, _ = flow_path(picture, normal(noise_keys, picture.shape[1:]), t)
        return jnp.mean(jnp.square((self._clean(at, t, mean, z) - picture) / _left(t)), axis=-1)

    def _clean(self, at, t, mean, z):
        """The picture [B, T P] that the flow expects of points on its path."""
        return self.flow(at.reshape(mean.shape), t, mean, z).reshape(at.shape)

    def _patches(self, image):
        return patchify(jnp.clip(image, -1.0, 1.0), self.patch)


def _modulated(x, shift, scale):
    return nn.LayerNorm(use_bias=False, use_scale=False, dtype=x.dtype)(x) * (1 + scale) + shift


def _left(t):
    """Time to the end [B, 1], by which what is left to go becomes a velocity."""
    return jnp.maximum(1 - t, _SOON)[:, None]


def _own(keys):
    """Keys that nothing else of the rows takes its noise from."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, _STREAM)


def _keys_of(data):
    """Keys [B] by the sums of pictures' pixels."""
    sums = jnp.sum(data.astype(jnp.uint32), axis=(1, 2, 3))
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), sums)
