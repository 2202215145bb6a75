"""The caption modality: a transformer reader and an autoregressive transformer writer.

`encoder`, `decoder`, `teacher`, `negative_log_likelihood` and `metrics` are what a modality
offers; `models.MODALITIES` lists them.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mmvae.data.text import BOS, PAD, UNK
from mmvae.models.layers import (
    EMBEDDING_INIT,
    Embedded,
    LatentCanvas,
    PosteriorHead,
    Transformer,
)


class CaptionEncoder(nn.Module):
    """Token ids [B, L] (PAD after the end) -> Gaussian [B, D]."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    squeeze: int
    latent_dim: int
    dtype: jnp.dtype
    rank: int

    @nn.compact
    def __call__(self, ids):
        batch, length = ids.shape
        x = nn.Embed(self.vocab_size, self.width, dtype=self.dtype, embedding_init=EMBEDDING_INIT)(
            ids
        )
        x = x + Embedded(length, self.width, self.dtype, name="positions")(batch)
        visible = ids != PAD
        trunk = Transformer(self.layers, self.heads, self.dtype, self.rank)
        x, _ = trunk(x, visible[:, None, None, :])
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
    latent_tokens: int
    dtype: jnp.dtype
    rank: int

    def setup(self):
        self.prefix = LatentCanvas(self.latent_tokens, self.width, self.squeeze, self.dtype)
        self.embed = nn.Embed(
            self.vocab_size, self.width, dtype=self.dtype, embedding_init=EMBEDDING_INIT
        )
        self.positions = Embedded(self.length, self.width, self.dtype)
        self.trunk = Transformer(self.layers, self.heads, self.dtype, self.rank)

    def __call__(self, z, inputs):
        """Logits [B, L, V] float32 of each next token, for `inputs` [B, L] from `teacher`."""
        batch, length = inputs.shape
        words = self.embed(inputs) + self.positions(batch)[:, :length]
        x = jnp.concatenate([self.prefix(z), words], axis=1)
        x, _ = self.trunk(x, self._mask(length))
        return self._logits(x[:, self.latent_tokens :])

    def begin(self, z):
        """Caches for writing captions of latents [B, D], the prefix already in them."""
        batch, heads = z.shape[0], self.heads
        shape = (batch, self.latent_tokens + self.length, heads, self.width // heads)
        empty = ((jnp.zeros(shape, self.dtype), jnp.zeros(shape, self.dtype)),) * self.layers
        visible = (jnp.arange(shape[1]) < self.latent_tokens)[None, None, None, :]
        _, caches = self.trunk(self.prefix(z), visible, empty)
        return caches

    def extend(self, caches, token, index):
        """Next-token logits [B, V] after `token` [B] at position `index`, and new caches."""
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


def encoder(spec, shape, latent_dim, common):
    """CaptionEncoder of a modality's config; `shape` is (length, vocab_size)."""
    return CaptionEncoder(
        vocab_size=shape[1], layers=spec.encoder_layers, latent_dim=latent_dim, **common
    )


def decoder(spec, shape, common):
    """CaptionDecoder of a modality's config; `shape` is (length, vocab_size)."""
    length, vocab_size = shape
    return CaptionDecoder(
        vocab_size=vocab_size,
        length=length,
        latent_tokens=spec.latent_tokens,
        layers=spec.decoder_layers,
        **common,
    )


def teacher(ids, keys=None, spec=None):
    """Decoder inputs [B, L]: ids shifted right behind BOS.

    With per-row `keys` [B] a share `spec.word_dropout` of the tokens is hidden behind UNK,
    which forces the decoder to read the latent (Bowman et al. 2016, section 3).
    """
    inputs = jnp.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=BOS)
    if keys is None:
        return inputs
    draw = jax.vmap(lambda key: jax.random.bernoulli(key, spec.word_dropout, ids.shape[1:]))
    return jnp.where(draw(keys) & (inputs > BOS), UNK, inputs)


def negative_log_likelihood(logits, ids, spec=None):
    """Cross-entropy in nats summed over a row's tokens [B], and its token count [B].

    Padding never counts.
    """
    real = ids != PAD
    entropy = optax.softmax_cross_entropy_with_integer_labels(logits, ids)
    return jnp.sum(entropy * real, axis=-1), jnp.sum(real, axis=-1)


def metrics(logits, ids):
    """Per-row {name: (sum [B], count [B])}: accuracy and predictive entropy per token."""
    real = ids != PAD
    count = jnp.sum(real, axis=-1)
    right = jnp.sum((jnp.argmax(logits, axis=-1) == ids) & real, axis=-1)
    log_probabilities = jax.nn.log_softmax(logits)
    entropy = -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=-1)
    return {
        "accuracy": (right, count),
        "entropy": (jnp.sum(entropy * real, axis=-1), count),
    }
