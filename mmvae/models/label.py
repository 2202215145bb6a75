"""The label modality: categorical attributes, each of some classes, any of them unknown.

`encoder` and `decoder` are what a kind offers; `mmvae.MODALITIES` lists them.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int32, Key
from ml_collections import ConfigDict

from mmvae.data.labels import Label
from mmvae.models.decoder import Reconstruction
from mmvae.models.gaussian import Gaussian
from mmvae.models.layers import (
    EMBEDDING_INIT,
    Dense,
    Embedded,
    LatentCanvas,
    PosteriorHead,
    Transformer,
    sizes,
)


class LabelEncoder(nn.Module):
    """Attributes [B, A] (0 where unknown, else 1 + the class) -> Gaussian [B, D]."""

    sizes: tuple[int, ...]
    width: int
    layers: int
    heads: int
    squeeze: int
    dropout: float
    latent_dim: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(self, data: Int32[Array, "B A"], keys: Key[Array, " B"] | None = None) -> Gaussian:
        # One table for all: an attribute's classes follow those of the one before it.
        starts = jnp.cumsum(jnp.array((0, *self.sizes[:-1])))
        embed = nn.Embed(
            sum(self.sizes), self.width, dtype=self.dtype, embedding_init=EMBEDDING_INIT
        )
        known = data > 0
        x = embed(jnp.maximum(data - 1, 0) + starts[None, :])
        x = x + Embedded(len(self.sizes), self.width, self.dtype, name="positions")(len(data))
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)
        x, _ = trunk(x, known[:, None, None, :], keys=keys)
        return PosteriorHead(self.latent_dim, self.squeeze, self.dtype)(x, known)


class LabelDecoder(nn.Module):
    """Latents [B, D] -> logits of every attribute's classes."""

    sizes: tuple[int, ...]
    width: int
    layers: int
    heads: int
    squeeze: int
    dropout: float
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> list[Float[Array, "B C"]]:
        x = LatentCanvas(len(self.sizes), self.width, self.squeeze, self.dtype)(z)
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)
        x, _ = trunk(x, keys=keys)
        logits = [
            Dense(size, dtype=self.dtype, name=f"classes_{place}")(x[:, place])
            for place, size in enumerate(self.sizes)
        ]
        return [each.astype(jnp.float32) for each in logits]

    def loss(
        self,
        z: Float[Array, "B D"],
        data: Int32[Array, "B A"],
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> Reconstruction:
        """As in `score`; no input is hidden."""
        return score(self(z, keys if train else None), data)

    def sample(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Int32[Array, "B A"]:
        """A class of every attribute, the likeliest without keys."""
        choose = lambda place, logits: jnp.argmax(logits, axis=-1)
        if keys is not None:
            own = lambda place: jax.vmap(jax.random.fold_in, (0, None))(keys, place)
            choose = lambda place, logits: jax.vmap(jax.random.categorical)(own(place), logits)
        classes = [choose(place, logits) for place, logits in enumerate(self(z))]
        return 1 + jnp.stack(classes, axis=1).astype(jnp.int32)

    def log_prob(
        self, z: Float[Array, "B D"], data: Int32[Array, "B A"], scale: float = 1.0
    ) -> Float[Array, " B"]:
        """Log-probability of the known attributes in nats; there is no scale in it."""
        return -self.loss(z, data).loss


def score(logits: list[Float[Array, "B C"]], data: Int32[Array, "B A"]) -> Reconstruction:
    """Cross-entropy in nats summed over a row's known attributes, and accuracy.

    They count attributes; an unknown one never counts.
    """
    known, classes = data > 0, jnp.maximum(data - 1, 0)
    entropy = [
        optax.softmax_cross_entropy_with_integer_labels(each, classes[:, place])
        for place, each in enumerate(logits)
    ]
    right = jnp.stack([jnp.argmax(each, axis=-1) for each in logits], axis=1) == classes
    count = jnp.sum(known, axis=-1)
    loss = jnp.sum(jnp.stack(entropy, axis=1) * known, axis=-1)
    accuracy = (jnp.sum(right & known, axis=-1), count)
    return Reconstruction(loss, count, {"accuracy": accuracy})


def encoder(
    spec: ConfigDict, modality: Label, latent_dim: int, dtype: jnp.dtype, rank: int
) -> LabelEncoder:
    """LabelEncoder of a modality's config."""
    return LabelEncoder(
        sizes=modality.sizes,
        layers=spec.encoder_layers,
        latent_dim=latent_dim,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
    )


def decoder(spec: ConfigDict, modality: Label, dtype: jnp.dtype, rank: int) -> LabelDecoder:
    """LabelDecoder of a modality's config."""
    return LabelDecoder(
        sizes=modality.sizes,
        layers=spec.decoder_layers,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
    )


def rules(spec: ConfigDict) -> list[tuple]:
    """What fields must hold besides their range: rules of `training.checks`.

    A name without a dot is a field of the modality.
    """
    return []


RESIZED = ()  # other classes, other parameters
