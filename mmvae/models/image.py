"""The image modality: patches in, patches out.

Patches and matrix products instead of convolutions: they run near the machine's matmul rate
on CPU, GPU and TPU alike, in the backward pass too. `encoder`, `decoder`, `teacher`,
`negative_log_likelihood` and `metrics` are what a modality offers; `models.MODALITIES`
lists them.
"""

import flax.linen as nn
import jax.numpy as jnp

from mmvae.models.layers import Embedded, LatentCanvas, PosteriorHead, Transformer


def to_float(pixels):
    """uint8 pixels [...] as float32 in [-1, 1]."""
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(image):
    """Floats in [-1, 1] (clipped) as uint8 pixels."""
    return jnp.clip(jnp.round((image + 1.0) * 127.5), 0, 255).astype(jnp.uint8)


def patchify(image, patch):
    """[B, H, W, C] -> [B, (H / patch) (W / patch), patch patch C]."""
    batch, height, width, channels = image.shape
    grid = image.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(batch, -1, patch * patch * channels)


def unpatchify(patches, shape, patch):
    """Inverse of `patchify`; `shape` is (H, W, C)."""
    height, width, channels = shape
    grid = patches.reshape(-1, height // patch, width // patch, patch, patch, channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)


class ImageEncoder(nn.Module):
    """uint8 pixels [B, H, W, C] -> Gaussian [B, D]."""

    patch: int
    width: int
    layers: int
    heads: int
    squeeze: int
    latent_dim: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, pixels):
        patches = patchify(to_float(pixels), self.patch).astype(self.dtype)
        batch, length, _ = patches.shape
        x = nn.Dense(self.width, dtype=self.dtype, name="embed")(patches)
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        x, _ = Transformer(self.layers, self.heads, self.dtype)(x)
        return PosteriorHead(self.latent_dim, self.squeeze, self.dtype)(x)


class ImageDecoder(nn.Module):
    """Latents [B, D] -> float32 image [B, H, W, C], nominally in [-1, 1]."""

    shape: tuple
    patch: int
    width: int
    layers: int
    heads: int
    squeeze: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, z, inputs=None):
        height, width, channels = self.shape
        length = (height // self.patch) * (width // self.patch)
        x = LatentCanvas(length, self.width, self.squeeze, self.dtype)(z)
        x, _ = Transformer(self.layers, self.heads, self.dtype)(x)
        patches = nn.Dense(self.patch**2 * channels, dtype=self.dtype, name="pixels")(x)
        return unpatchify(patches.astype(jnp.float32), self.shape, self.patch)


LIKELIHOODS = {
    # Up to scale and constant: Gaussian, Laplace and their product.
    "gaussian": jnp.square,
    "laplace": jnp.abs,
    "both": lambda difference: jnp.square(difference) + jnp.abs(difference),
}


def encoder(spec, latent, shape, dtype):
    """ImageEncoder of a modality's config; `shape` is (H, W, C)."""
    return ImageEncoder(
        spec.patch, spec.width, spec.encoder_layers, spec.heads, spec.squeeze, latent.dim, dtype
    )


def decoder(spec, latent, shape, dtype):
    """ImageDecoder of a modality's config; `shape` is (H, W, C)."""
    return ImageDecoder(
        shape, spec.patch, spec.width, spec.decoder_layers, spec.heads, spec.squeeze, dtype
    )


def teacher(pixels, keys=None, spec=None):
    """Nothing: pictures are drawn from the latent alone."""
    return None


def negative_log_likelihood(image, pixels, spec):
    """Loss of `spec.likelihood`, mean over pixels and channels [B], and its count, 1 [B]."""
    difference = image - to_float(pixels)
    loss = jnp.mean(LIKELIHOODS[spec.likelihood](difference), axis=(1, 2, 3))
    return loss, jnp.ones_like(loss)


def metrics(image, pixels):
    """Per-row {name: (sum [B], count [B])} on the [-1, 1] scale, clipped as when shown."""
    difference = jnp.clip(image, -1.0, 1.0) - to_float(pixels)
    count = jnp.ones(len(pixels))
    return {
        "mse": (jnp.mean(jnp.square(difference), axis=(1, 2, 3)), count),
        "l1": (jnp.mean(jnp.abs(difference), axis=(1, 2, 3)), count),
    }
