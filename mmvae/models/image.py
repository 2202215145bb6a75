"""The image modality: patches in, patches out.

Patches and matrix products instead of convolutions: they run near the machine's matmul rate
on CPU, GPU and TPU alike, in the backward pass too. `encoder` and `decoder` are what a kind
offers; `mmvae.MODALITIES` lists them.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Key, UInt8
from ml_collections import ConfigDict

from mmvae.data.modalities import Image
from mmvae.models import likelihoods
from mmvae.models.gaussian import Gaussian
from mmvae.models.layers import Dense, Embedded, PosteriorHead, Transformer, sizes
from mmvae.models.pictures.flow import FlowDecoder, PictureFlow
from mmvae.models.pictures.mean import ImageDecoder, PictureDecoder
from mmvae.models.pictures.pixels import patchify, to_float


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


def decoder(spec: ConfigDict, modality: Image, dtype: jnp.dtype, rank: int) -> PictureDecoder:
    """The decoder of a modality's config, of those in DECODERS."""
    common = {
        "shape": modality.shape,
        "patch": spec.patch,
        "layers": spec.decoder_layers,
        "dtype": dtype,
        "rank": rank,
        "likelihood": spec.likelihood,
    }
    return DECODERS[spec.decoder](spec, dtype, common | sizes(spec))


def mean_decoder(spec: ConfigDict, dtype: jnp.dtype, common: dict) -> ImageDecoder:
    """ImageDecoder: the mean picture alone."""
    return ImageDecoder(**common)


def flow_decoder(spec: ConfigDict, dtype: jnp.dtype, common: dict) -> FlowDecoder:
    """FlowDecoder: the mean picture, and a flow as wide as it."""
    flow = PictureFlow(spec.width, spec.heads, spec.flow_layers, dtype)
    return FlowDecoder(
        **common,
        flow=flow,
        steps=spec.flow_steps,
        weight=spec.flow_weight,
        to_latent=spec.flow_to_latent,
    )


DECODERS: dict[str, Callable] = {"mean": mean_decoder, "flow": flow_decoder}


def rules(spec: ConfigDict) -> list[tuple]:
    """What fields must hold besides their range: rules of `training.checks`.

    A name without a dot is a field of the modality.
    """
    return [
        ("divides", "patch", "data.image_size"),
        ("power of two", "patch"),
        ("one of", "likelihood", likelihoods.LIKELIHOODS),
        ("one of", "decoder", DECODERS),
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
    ("decoders_{}/flow/positions/vectors", "grid_rows"),
)
