"""What encoders and decoders share: pre-norm transformer blocks and positions.

Products run in `dtype`; parameters, normalisation statistics and softmax are float32.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mmvae.models.gaussian import from_logits

EMBEDDING_INIT = nn.initializers.normal(0.02)


class Attention(nn.Module):
    """Multi-head self-attention over x [B, T, W]; `mask` broadcasts to [B, 1, T, S].

    With a `cache` of (keys, values), each [B, S, heads, W / heads], the T new positions are
    written at `start` and attend to the whole cache. Returns (output [B, T, W], cache).
    """

    heads: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask=None, cache=None, start=0):
        batch, length, width = x.shape
        projected = nn.Dense(3 * width, use_bias=False, dtype=self.dtype, name="qkv")(x)
        heads = projected.reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = jnp.moveaxis(heads, 2, 0)
        if cache is not None:
            at = (0, start, 0, 0)
            key = jax.lax.dynamic_update_slice(cache[0], key, at)
            value = jax.lax.dynamic_update_slice(cache[1], value, at)
            cache = (key, value)
        mixed = jax.nn.dot_product_attention(query, key, value, mask=mask)
        out = nn.Dense(width, dtype=self.dtype, name="out")(mixed.reshape(batch, length, width))
        return out, cache


class Block(nn.Module):
    """Pre-norm transformer block: attention, then a GELU MLP of four times the width."""

    heads: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask=None, cache=None, start=0):
        width = x.shape[-1]
        attended, cache = Attention(self.heads, self.dtype)(
            nn.LayerNorm(dtype=self.dtype)(x), mask, cache, start
        )
        x = x + attended
        hidden = nn.Dense(4 * width, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(x))
        return x + nn.Dense(width, dtype=self.dtype)(nn.gelu(hidden)), cache


class Transformer(nn.Module):
    """`layers` blocks and a final norm; caches are a tuple with one entry a layer."""

    layers: int
    heads: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask=None, caches=None, start=0):
        caches = caches or (None,) * self.layers
        updated = []
        for cache in caches:
            x, cache = Block(self.heads, self.dtype)(x, mask, cache, start)
            updated.append(cache)
        return nn.LayerNorm(dtype=self.dtype)(x), tuple(updated)


class Embedded(nn.Module):
    """Learned vectors [length, width], repeated over a batch: [B, length, width]."""

    length: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, batch):
        vectors = self.param("vectors", EMBEDDING_INIT, (self.length, self.width))
        shape = (batch, self.length, self.width)
        return jnp.broadcast_to(vectors.astype(self.dtype), shape)


class PosteriorReader(nn.Module):
    """Latent queries read a sequence: x [B, S, W], visible [B, S] bool -> Gaussian [B, D].

    The D dimensions are spread evenly over `latent_tokens` queries.
    """

    latent_dim: int
    latent_tokens: int
    layers: int
    heads: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, visible=None):
        batch, _, width = x.shape
        queries = Embedded(self.latent_tokens, width, self.dtype, name="queries")(batch)
        mask = None
        if visible is not None:
            always = jnp.ones((batch, self.latent_tokens), bool)
            mask = jnp.concatenate([always, visible], axis=1)[:, None, None, :]
        x = jnp.concatenate([queries, x], axis=1)
        x, _ = Transformer(self.layers, self.heads, self.dtype)(x, mask)
        moments = nn.Dense(2 * self.latent_dim // self.latent_tokens, name="moments")(
            x[:, : self.latent_tokens].astype(jnp.float32)
        )
        mean, logvar = jnp.split(moments, 2, axis=-1)
        flat = (batch, self.latent_dim)
        return from_logits(mean.reshape(flat), logvar.reshape(flat))


class LatentTokens(nn.Module):
    """Latents z [B, D] as tokens [B, latent_tokens, width] for a decoder."""

    latent_tokens: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, z):
        batch = z.shape[0]
        tokens = z.astype(self.dtype).reshape(batch, self.latent_tokens, -1)
        tokens = nn.Dense(self.width, dtype=self.dtype)(tokens)
        return tokens + Embedded(self.latent_tokens, self.width, self.dtype)(batch)
