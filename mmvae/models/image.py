"""The image modality: patches in, patches out.

Patches and matrix products instead of convolutions: they run near the machine's matmul rate
on CPU, GPU and TPU alike, in the backward pass too. `encoder` and `decoder` are what a kind
offers; `mmvae.MODALITIES` lists them.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8
from ml_collections import ConfigDict

from mmvae.data.modalities import Image
from mmvae.models import likelihoods
from mmvae.models.decoder import Reconstruction
from mmvae.models.gaussian import Gaussian
from mmvae.models.layers import (
    Convolution,
    Dense,
    Embedded,
    LatentCanvas,
    PosteriorHead,
    Transformer,
    sizes,
)


def to_float(pixels: UInt8[Array, "*B"]) -> Float[Array, "*B"]:
    """uint8 pixels [...] as float32 in [-1, 1]."""
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(image: Float[Array, "*B"]) -> UInt8[Array, "*B"]:
    """Floats in [-1, 1] (clipped) as uint8 pixels."""
    return jnp.clip(jnp.round((image + 1.0) * 127.5), 0, 255).astype(jnp.uint8)


def patchify(image: Float[Array, "B H W C"], patch: int) -> Float[Array, "B T P"]:
    """Patches of a side of `patch` pixels, row by row: T of P = patch patch C numbers."""
    batch, height, width, channels = image.shape
    grid = image.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(batch, -1, patch * patch * channels)


def unpatchify(
    patches: Float[Array, "B T P"], shape: tuple[int, int, int], patch: int
) -> Float[Array, "B H W C"]:
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
    dropout: float
    latent_dim: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(
        self, pixels: UInt8[Array, "B H W C"], keys: Key[Array, " B"] | None = None
    ) -> Gaussian:
        patches = patchify(to_float(pixels), self.patch).astype(self.dtype)
        batch, length, _ = patches.shape
        x = Dense(self.width, dtype=self.dtype, name="embed")(patches)
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)
        x, _ = trunk(x, keys=keys)
        return PosteriorHead(self.latent_dim, self.squeeze, self.dtype)(x)


class ImageDecoder(nn.Module):
    """Latents [B, D] -> float32 image [B, H, W, C], nominally in [-1, 1]."""

    shape: tuple
    patch: int
    width: int
    layers: int
    heads: int
    squeeze: int
    dropout: float
    dtype: jnp.dtype
    rank: int
    likelihood: str

    @nn.compact
    def __call__(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Float[Array, "B H W C"]:
        height, width, channels = self.shape
        length = (height // self.patch) * (width // self.patch)
        x = LatentCanvas(length, self.width, self.squeeze, self.dtype)(z)
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)
        x, _ = trunk(x, keys=keys)
        x = x.reshape(-1, height // self.patch, width // self.patch, self.width)
        return Upsampler(self.patch, channels, self.dtype)(x).astype(jnp.float32)

    def loss(
        self,
        z: Float[Array, "B D"],
        data: UInt8[Array, "B H W C"],
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> Reconstruction:
        """As in `score`; a picture is decoded from the latent alone, and no input is hidden."""
        return score(self(z, keys if train else None), data, self.likelihood)

    def sample(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> UInt8[Array, "B H W C"]:
        """The mean picture; there is no noise in it."""
        return to_pixels(likelihoods.LIKELIHOODS[self.likelihood].shown(self(z)))

    def log_prob(
        self, z: Float[Array, "B D"], data: UInt8[Array, "B H W C"], scale: float = 1.0
    ) -> Float[Array, " B"]:
        """Log-probability of 8-bit pictures in nats, with noise of `scale`."""
        return likelihoods.log_prob(self.loss(z, data).loss, self.likelihood, self.shape, scale)


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
    def __call__(self, x: Float[Array, "B h w W"]) -> Float[Array, "B H W C"]:
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


def score(
    image: Float[Array, "B H W C"], pixels: UInt8[Array, "B H W C"], likelihood: str
) -> Reconstruction:
    """Loss of a likelihood, mean over pixels and channels, and errors on the [-1, 1] scale.

    The errors are those of the picture as shown, clipped.
    """
    target = to_float(pixels)
    loss = likelihoods.loss(likelihood, image, target)
    shown = jnp.clip(likelihoods.LIKELIHOODS[likelihood].shown(image), -1.0, 1.0) - target
    metrics = {"mse": likelihoods.gaussian(shown), "l1": likelihoods.laplace(shown)}
    ones = jnp.ones_like(loss)
    return Reconstruction(loss, ones, {name: (value, ones) for name, value in metrics.items()})


def encoder(
    spec: ConfigDict, modality: Image, latent_dim: int, dtype: jnp.dtype, rank: int
) -> ImageEncoder:
    """ImageEncoder of a modality's config."""
    return ImageEncoder(
        patch=spec.patch,
        layers=spec.encoder_layers,
        latent_dim=latent_dim,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
    )


def decoder(spec: ConfigDict, modality: Image, dtype: jnp.dtype, rank: int) -> ImageDecoder:
    """ImageDecoder of a modality's config."""
    return ImageDecoder(
        shape=modality.shape,
        patch=spec.patch,
        layers=spec.decoder_layers,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
        likelihood=spec.likelihood,
    )


def rules(spec: ConfigDict) -> list[tuple]:
    """What fields must hold besides their range: rules of `training.checks`.

    A name without a dot is a field of the modality.
    """
    return [
        ("divides", "patch", "data.image_size"),
        ("power of two", "patch"),
        ("one of", "likelihood", likelihoods.LIKELIHOODS),
        *_coarse(spec.likelihood),
    ]


def _coarse(likelihood):
    """Block means need whole blocks."""
    if likelihood not in likelihoods.LIKELIHOODS:
        return []
    block = likelihoods.LIKELIHOODS[likelihood].block
    return [("multiple of", "data.image_size", block, f"the pixels of its coarse scale ({block})")]


# How parameters follow the size of a picture: rules of `training.resizing`; {} is the name.
RESIZED = (
    ("encoders_{}/positions/vectors", "grid_rows"),
    ("encoders_{}/PosteriorHead_0/moments/kernel", "read_grid"),
    ("encoders_{}/embed/kernel", "read_patch"),
    ("decoders_{}/LatentCanvas_0/positions/vectors", "grid_rows"),
    ("decoders_{}/LatentCanvas_0/expand/*", "write_grid"),
    ("decoders_{}/Upsampler_0/Dense_*", "write_channels"),
)
