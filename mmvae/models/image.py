"""The image modality: patches in, patches out.

Patches and matrix products instead of convolutions: they run near the machine's matmul rate
on CPU, GPU and TPU alike, in the backward pass too. `encoder`, `decoder`, `teacher`,
`negative_log_likelihood` and `metrics` are what a modality offers; `models.MODALITIES`
lists them.
"""

import flax.linen as nn
import jax.numpy as jnp

from mmvae.models.layers import (
    Convolution,
    Dense,
    Embedded,
    LatentCanvas,
    PosteriorHead,
    Transformer,
)

FAINT = 1e-3  # squared error that `student` hardly tells from none


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
    rank: int

    @nn.compact
    def __call__(self, pixels):
        patches = patchify(to_float(pixels), self.patch).astype(self.dtype)
        batch, length, _ = patches.shape
        x = Dense(self.width, dtype=self.dtype, name="embed")(patches)
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        x, _ = Transformer(self.layers, self.heads, self.dtype, self.rank)(x)
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
    rank: int

    @nn.compact
    def __call__(self, z, inputs=None):
        height, width, channels = self.shape
        length = (height // self.patch) * (width // self.patch)
        x = LatentCanvas(length, self.width, self.squeeze, self.dtype)(z)
        x, _ = Transformer(self.layers, self.heads, self.dtype, self.rank)(x)
        x = x.reshape(-1, height // self.patch, width // self.patch, self.width)
        return Upsampler(self.patch, channels, self.dtype)(x).astype(jnp.float32)


class Upsampler(nn.Module):
    """Features [B, h, w, W] -> [B, h factor, w factor, channels]; `factor` is a power of two.

    Each doubling is a 3x3 convolution and a matrix product whose outputs become 2x2 blocks
    (Shi et al. 2016): no transposed convolution, and no seams between patches. A factor of 1
    is not possible.
    """

    factor: int
    channels: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x):
        for step in range(self.factor.bit_length() - 1):
            _, height, width, depth = x.shape
            last = 2 << step == self.factor
            hidden = nn.gelu(nn.LayerNorm(dtype=self.dtype)(x))
            # No convolution on the finest grid: it would cost as much as all the others.
            x = hidden if last else x + Convolution(depth, self.dtype)(hidden)
            depth = self.channels if last else depth // 2
            blocks = Dense(4 * depth, dtype=self.dtype)(x)
            x = unpatchify(blocks, (2 * height, 2 * width, depth), 2)
        return x


def pooled(image, factor):
    """Means of factor x factor blocks: [B, H, W, C] -> [B, H / factor, W / factor, C]."""
    batch, height, width, channels = image.shape
    blocks = image.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return jnp.mean(blocks, axis=(2, 4))


def gaussian(difference):
    """Squared error, mean over pixels [B]: a Gaussian with independent noise."""
    return jnp.mean(jnp.square(difference), axis=(1, 2, 3))


def laplace(difference):
    """Absolute error, mean over pixels [B]."""
    return jnp.mean(jnp.abs(difference), axis=(1, 2, 3))


def multiscale(difference):
    """A Gaussian whose noise is mostly fine texture: errors of 4x4 means weigh more [B].

    An engraver's lines are noise to a young model and drown the gradient of the outlines;
    coarse means are free of them.
    """
    return gaussian(difference) + 4.0 * gaussian(pooled(difference, 4))


def student(difference):
    """A Student t over the whole picture, of one degree of freedom: its noise level is unknown [B].

    Squared error hears little of a small figure, which is few pixels. Here a picture whose
    error halves gains the same whatever it was. As in `multiscale` coarse means weigh more, of
    2x2 blocks too: they hold small outlines. Sources: Rybkin et al. 2021 (the variance that
    suits each picture); Takahashi et al. 2018 (Student t decoders).
    """
    error = multiscale(difference) + 4.0 * gaussian(pooled(difference, 2))
    return 0.5 * jnp.log1p(error / FAINT)


LIKELIHOODS = {
    "gaussian": gaussian,
    "laplace": laplace,
    "multiscale": multiscale,
    "student": student,
}


def encoder(spec, shape, latent_dim, common):
    """ImageEncoder of a modality's config; `shape` is (H, W, C)."""
    return ImageEncoder(
        patch=spec.patch, layers=spec.encoder_layers, latent_dim=latent_dim, **common
    )


def decoder(spec, shape, common):
    """ImageDecoder of a modality's config; `shape` is (H, W, C)."""
    return ImageDecoder(shape=shape, patch=spec.patch, layers=spec.decoder_layers, **common)


def teacher(pixels, keys=None, spec=None):
    """Nothing: pictures are drawn from the latent alone."""
    return None


def negative_log_likelihood(image, pixels, spec):
    """Loss of `spec.likelihood`, mean over pixels and channels [B], and its count, 1 [B]."""
    difference = image - to_float(pixels)
    loss = LIKELIHOODS[spec.likelihood](difference)
    return loss, jnp.ones_like(loss)


def metrics(image, pixels):
    """Per-row {name: (sum [B], count [B])} on the [-1, 1] scale, clipped as when shown."""
    difference = jnp.clip(image, -1.0, 1.0) - to_float(pixels)
    count = jnp.ones(len(pixels))
    return {
        "mse": (jnp.mean(jnp.square(difference), axis=(1, 2, 3)), count),
        "l1": (jnp.mean(jnp.abs(difference), axis=(1, 2, 3)), count),
    }
