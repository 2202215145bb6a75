"""The mean picture of a latent, and how well it tells a picture."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from mmvae.models import likelihoods
from mmvae.models.decoder import Reconstruction
from mmvae.models.layers import Convolution, Dense, LatentCanvas, Transformer
from mmvae.models.pictures.pixels import to_float, to_pixels, unpatchify


class PictureDecoder(nn.Module):
    """Latents [B, D] -> float32 image [B, H, W, C], nominally in [-1, 1]: the mean picture."""

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
        return to_pixels(self.shown(self(z)))

    def shown(self, image: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
        """The picture in [-1, 1], not clipped, of what the likelihood reads."""
        return likelihoods.LIKELIHOODS[self.likelihood].shown(image)


class ImageDecoder(PictureDecoder):
    """A PictureDecoder whose likelihood is a density of pictures."""

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
