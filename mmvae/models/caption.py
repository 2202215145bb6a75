"""The caption modality: a transformer reader and an autoregressive transformer writer.

`encoder` and `decoder` are what a kind offers; `mmvae.MODALITIES` lists them.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int32, Key
from ml_collections import ConfigDict

from mmvae.data.modalities import Caption
from mmvae.data.text import BOS, PAD, UNK
from mmvae.models import autoregressive
from mmvae.models.autoregressive import Writer
from mmvae.models.decoder import Reconstruction
from mmvae.models.gaussian import Gaussian
from mmvae.models.layers import (
    EMBEDDING_INIT,
    Cache,
    Embedded,
    LatentCanvas,
    PosteriorHead,
    Transformer,
    sizes,
)


class CaptionEncoder(nn.Module):
    """Token ids [B, L] (PAD after the end) -> Gaussian [B, D]."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    squeeze: int
    dropout: float
    latent_dim: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(self, ids: Int32[Array, "B L"], keys: Key[Array, " B"] | None = None) -> Gaussian:
        batch, length = ids.shape
        x = nn.Embed(self.vocab_size, self.width, dtype=self.dtype, embedding_init=EMBEDDING_INIT)(
            ids
        )
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        visible = ids != PAD
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)
        x, _ = trunk(x, visible[:, None, None, :], keys=keys)
        return PosteriorHead(self.latent_dim, self.squeeze, self.dtype)(x, visible)


class CaptionDecoder(nn.Module):
    """Latents as a visible prefix, then tokens, each seeing the ones before it.

    Input and output embeddings are tied.
    """

    vocab_size: int
    length: int
    width: int
    layers: int
    heads: int
    squeeze: int
    dropout: float
    latent_tokens: int
    dtype: jnp.dtype
    rank: int
    word_dropout: float

    def setup(self) -> None:
        self.prefix = LatentCanvas(self.latent_tokens, self.width, self.squeeze, self.dtype)
        self.embed = nn.Embed(
            self.vocab_size, self.width, dtype=self.dtype, embedding_init=EMBEDDING_INIT
        )
        self.positions = Embedded(self.length, self.width, self.dtype)
        self.trunk = Transformer(self.layers, self.heads, self.dtype, self.rank, self.dropout)

    def __call__(
        self,
        z: Float[Array, "B D"],
        inputs: Int32[Array, "B L"],
        keys: Key[Array, " B"] | None = None,
    ) -> Float[Array, "B L V"]:
        """Logits, float32, of each next token, for `inputs` from `teacher`."""
        batch, length = inputs.shape
        words = self.embed(inputs) + self.positions(batch)[:, :length]
        x = jnp.concatenate([self.prefix(z), words], axis=1)
        x, _ = self.trunk(x, self._mask(length), keys=keys)
        return self._logits(x[:, self.latent_tokens :])

    def loss(
        self,
        z: Float[Array, "B D"],
        data: Int32[Array, "B L"],
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> Reconstruction:
        """As in `score`; `train` hides a share `word_dropout` of the decoder's inputs."""
        if not train:
            return score(self(z, teacher(data)), data)
        return score(self(z, teacher(data, keys, self.word_dropout), keys), data)

    def sample(
        self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Int32[Array, "B L"]:
        """Ids, greedily without keys."""
        writer = self.writer()
        if keys is None:
            return autoregressive.greedy(writer, z)[0]
        return autoregressive.sampled(writer, z, keys)[0]

    def log_prob(
        self, z: Float[Array, "B D"], data: Int32[Array, "B L"], scale: float = 1.0
    ) -> Float[Array, " B"]:
        """Log-probability of captions in nats; there is no scale in it."""
        return -self.loss(z, data).loss

    def writer(self) -> Writer:
        """This decoder as functions that write token by token."""
        return Writer(self.length, self.begin, self.extend)

    def begin(self, z: Float[Array, "B D"]) -> tuple[Cache, ...]:
        """Caches for writing captions of latents, the prefix already in them."""
        batch, heads = z.shape[0], self.heads
        shape = (batch, self.latent_tokens + self.length, heads, self.width // heads)
        empty = ((jnp.zeros(shape, self.dtype), jnp.zeros(shape, self.dtype)),) * self.layers
        visible = (jnp.arange(shape[1]) < self.latent_tokens)[None, None, None, :]
        _, caches = self.trunk(self.prefix(z), visible, empty)
        return caches

    def extend(
        self, caches: tuple[Cache, ...], token: Int32[Array, " B"], index: int
    ) -> tuple[Float[Array, "B V"], tuple[Cache, ...]]:
        """Next-token logits after `token` at position `index`, and new caches."""
        words = self.embed(token[:, None]) + self.positions(1)[:, index][:, None]
        at = self.latent_tokens + index
        visible = (jnp.arange(self.latent_tokens + self.length) <= at)[None, None, None, :]
        x, caches = self.trunk(words, visible, caches, at)
        return self._logits(x)[:, 0], caches

    def _mask(self, length):
        total = jnp.arange(self.latent_tokens + length)
        past = total[:, None] >= total[None, :]
        prefix = total[None, :] < self.latent_tokens
        return (past | prefix)[None, None]

    def _logits(self, x):
        return self.embed.attend(x).astype(jnp.float32)


def encoder(
    spec: ConfigDict, modality: Caption, latent_dim: int, dtype: jnp.dtype, rank: int
) -> CaptionEncoder:
    """CaptionEncoder of a modality's config."""
    return CaptionEncoder(
        vocab_size=modality.vocab_size,
        layers=spec.encoder_layers,
        latent_dim=latent_dim,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
    )


def decoder(spec: ConfigDict, modality: Caption, dtype: jnp.dtype, rank: int) -> CaptionDecoder:
    """CaptionDecoder of a modality's config."""
    return CaptionDecoder(
        vocab_size=modality.vocab_size,
        length=modality.length,
        layers=spec.decoder_layers,
        latent_tokens=spec.latent_tokens,
        dtype=dtype,
        rank=rank,
        **sizes(spec),
        word_dropout=spec.word_dropout,
    )


def teacher(
    ids: Int32[Array, "B L"], keys: Key[Array, " B"] | None = None, word_dropout: float = 0.0
) -> Int32[Array, "B L"]:
    """Decoder inputs: ids shifted right behind BOS.

    With a key for each row a share `word_dropout` of the tokens is hidden behind UNK, which
    forces the decoder to read the latent (Bowman et al. 2016, section 3).
    """
    inputs = jnp.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=BOS)
    if keys is None:
        return inputs
    hide = jax.vmap(lambda key: jax.random.bernoulli(key, word_dropout, ids.shape[1:]))
    return jnp.where(hide(keys) & (inputs > BOS), UNK, inputs)


def score(logits: Float[Array, "B L V"], ids: Int32[Array, "B L"]) -> Reconstruction:
    """Cross-entropy in nats summed over a row's tokens, accuracy and predictive entropy.

    They count tokens; padding never counts.
    """
    real = ids != PAD
    count = jnp.sum(real, axis=-1)
    entropy = optax.softmax_cross_entropy_with_integer_labels(logits, ids)
    right = jnp.sum((jnp.argmax(logits, axis=-1) == ids) & real, axis=-1)
    log_probabilities = jax.nn.log_softmax(logits)
    predicted = -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=-1)
    metrics = {"accuracy": (right, count), "entropy": (jnp.sum(predicted * real, axis=-1), count)}
    return Reconstruction(jnp.sum(entropy * real, axis=-1), count, metrics)


def rules(spec: ConfigDict) -> list[tuple]:
    """What fields must hold besides their range: rules of `training.checks`.

    A name without a dot is a field of the modality.
    """
    return []


# How parameters follow the length of a caption: rules of `training.resizing`; {} is the name.
RESIZED = (
    ("encoders_{}/positions/vectors", "text_rows"),
    ("encoders_{}/PosteriorHead_0/moments/kernel", "read_text"),
    ("decoders_{}/positions/vectors", "text_rows"),
)
