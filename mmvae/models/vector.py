"""The vector modality: named numbers, any of them unknown, read and told by small networks.

`encoder` and `decoder` are what a kind offers; `mmvae.MODALITIES` lists them.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key
from ml_collections import ConfigDict

from mmvae.data.vectors import Vector
from mmvae.models.decoder import Reconstruction
from mmvae.models.gaussian import Gaussian, from_logits
from mmvae.models.layers import Dense


class Layers(nn.Module):
    """x [B, E] through `count` GELU layers of one width, to [B, outputs] float32."""

    count: int
    width: int
    outputs: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(self, x: Float[Array, "B E"]) -> Float[Array, "B O"]:
        x = x.astype(self.dtype)
        for _ in range(self.count):
            x = nn.gelu(Dense(self.width, dtype=self.dtype, rank=self.rank)(x))
        return Dense(self.outputs, dtype=self.dtype, name="out")(x).astype(jnp.float32)


class VectorEncoder(nn.Module):
    """Numbers [B, F] (NaN where unknown) -> Gaussian [B, D]; nothing is dropped."""

    layers: int
    width: int
    latent_dim: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(self, data: Float[Array, "B F"], keys: Key[Array, " B"] | None = None) -> Gaussian:
        values, known = _split(data)
        x = jnp.concatenate([values, known.astype(values.dtype)], axis=-1)
        trunk = Layers(self.layers, self.width, 2 * self.latent_dim, self.dtype, self.rank)
        return from_logits(*jnp.split(trunk(x), 2, axis=-1))


class VectorDecoder(nn.Module):
    """Latents [B, D] -> (means or logits [B, F], log of the noise's scale [F])."""

    size: int
    layers: int
    width: int
    dtype: jnp.dtype
    rank: int
    likelihood: str
    scale: float

    @nn.compact
    def __call__(self, z: Float[Array, "B D"]) -> tuple[Float[Array, "B F"], Float[Array, " F"]]:
        mean = Layers(self.layers, self.width, self.size, self.dtype, self.rank)(z)
        if self.scale:
            return mean, jnp.full(self.size, jnp.log(self.scale))
        return mean, self.param("log_scale", nn.initializers.zeros, (self.size,))

    def loss(
        self,
        z: Float[Array, "B D"],
        data: Float[Array, "B F"],
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> Reconstruction:
        """Nats, summed over the known numbers; squared error. Nothing is hidden."""
        mean, log_scale = self(z)
        values, known = _split(data)
        each = LIKELIHOODS[self.likelihood](mean, log_scale[None], values)
        away = jnp.square(self._shown(mean) - values)
        count = jnp.sum(known, axis=-1)
        total = lambda x: jnp.sum(jnp.where(known, x, 0.0), axis=-1)
        return Reconstruction(total(each), count, {"mse": (total(away), count)})

    def sample(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Float[Array, "B F"]:
        """The mean; there is no noise in it."""
        return self._shown(self(z)[0])

    def log_prob(
        self, z: Float[Array, "B D"], data: Float[Array, "B F"], scale: float = 1.0
    ) -> Float[Array, " B"]:
        """Log-density of the known numbers in nats; the scale is the decoder's own."""
        return -self.loss(z, data).loss

    def _shown(self, mean):
        return jax.nn.sigmoid(mean) if self.likelihood == "bernoulli" else mean


def gaussian(
    mean: Float[Array, "B F"], log_scale: Float[Array, "1 F"], values: Float[Array, "B F"]
) -> Float[Array, "B F"]:
    """Negative log-density of normal noise of a standard deviation."""
    away = (values - mean) * jnp.exp(-log_scale)
    return 0.5 * jnp.square(away) + log_scale + 0.5 * jnp.log(2 * jnp.pi)


def laplace(
    mean: Float[Array, "B F"], log_scale: Float[Array, "1 F"], values: Float[Array, "B F"]
) -> Float[Array, "B F"]:
    """Negative log-density of Laplace noise."""
    return jnp.abs(values - mean) * jnp.exp(-log_scale) + log_scale + jnp.log(2.0)


def bernoulli(
    mean: Float[Array, "B F"], log_scale: Float[Array, "1 F"], values: Float[Array, "B F"]
) -> Float[Array, "B F"]:
    """Cross-entropy of values in [0, 1] with logits; there is no scale in it."""
    return optax.sigmoid_binary_cross_entropy(mean, values)


LIKELIHOODS = {"gaussian": gaussian, "laplace": laplace, "bernoulli": bernoulli}


def encoder(
    spec: ConfigDict, modality: Vector, latent_dim: int, dtype: jnp.dtype, rank: int
) -> VectorEncoder:
    """VectorEncoder of a modality's config."""
    return VectorEncoder(spec.encoder_layers, spec.width, latent_dim, dtype, rank)


def decoder(spec: ConfigDict, modality: Vector, dtype: jnp.dtype, rank: int) -> VectorDecoder:
    """VectorDecoder of a modality's config."""
    size, (layers, width) = len(modality.names), (spec.decoder_layers, spec.width)
    return VectorDecoder(size, layers, width, dtype, rank, spec.likelihood, spec.scale)


def rules(spec: ConfigDict) -> list[tuple]:
    """What fields must hold besides their range: rules of `training.checks`.

    A name without a dot is a field of the modality.
    """
    return [("one of", "likelihood", LIKELIHOODS)]


RESIZED = ()  # other numbers, other parameters


def _split(data):
    """(values, 0 where unknown; which are known)."""
    known = jnp.isfinite(data)
    return jnp.where(known, data, 0.0), known
