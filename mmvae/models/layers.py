"""What encoders and decoders share: pre-norm transformer blocks and positions.

Products run in `dtype`; parameters, normalisation statistics and softmax are float32.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key
from ml_collections import ConfigDict

from mmvae.models import adapters
from mmvae.models.gaussian import Gaussian, from_logits

Cache = tuple[Float[Array, "B S H W"], Float[Array, "B S H W"]]  # keys and values
EMBEDDING_INIT = nn.initializers.normal(0.02)


def sizes(spec: ConfigDict) -> dict[str, int | float]:
    """What encoder and decoder of a modality's config have in common, as arguments of both."""
    return {name: spec[name] for name in ("width", "heads", "squeeze", "dropout")}


def dropout(
    x: Float[Array, "B T W"], rate: float, keys: Key[Array, " B"] | None, place: int
) -> Float[Array, "B T W"]:
    """A share `rate` of the numbers as 0 and the others larger (Srivastava et al. 2014, section 4).

    Each row has its own key, so that batch size and devices change nothing; `place` tells the
    layers of a row apart. Without keys nothing is dropped.
    """
    if keys is None or not rate:
        return x
    keep = lambda key: jax.random.bernoulli(jax.random.fold_in(key, place), 1 - rate, x.shape[1:])
    return jnp.where(jax.vmap(keep)(keys), x / (1 - rate), 0).astype(x.dtype)


class Dense(nn.Dense):
    """Linear layer over the last axis of x [..., W], as one product of two matrices.

    The weight gradient of a batched product makes XLA transpose on CPU first: with leading
    axes merged, the backward pass is a quarter faster there, and the same elsewhere.
    With a `rank`, a low-rank adapter is added (Hu et al. 2022, section 4.1); it starts as zero.
    """

    rank: int = 0

    @nn.compact
    def __call__(self, x: Float[Array, "*B W"]) -> Float[Array, "*B F"]:
        rows = x.reshape(-1, x.shape[-1])
        y = super().__call__(rows)
        if self.rank:
            shape_in, shape_out = (x.shape[-1], self.rank), (self.rank, self.features)
            down = self.param(adapters.IN, nn.initializers.lecun_normal(), shape_in)
            up = self.param(adapters.OUT, nn.initializers.zeros, shape_out)
            y += rows.astype(y.dtype) @ down.astype(y.dtype) @ up.astype(y.dtype)
        return y.reshape(*x.shape[:-1], self.features)


class Convolution(nn.Module):
    """3x3 convolution with zero padding, [B, H, W, C] -> [B, H, W, features].

    The nine neighbours of every place are gathered and read by one matrix product, whose
    backward pass is twice as fast on CPU as that of the convolution primitive.
    """

    features: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "B H W C"]) -> Float[Array, "B H W F"]:
        _, height, width, _ = x.shape
        padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        neighbours = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        return Dense(self.features, dtype=self.dtype)(jnp.concatenate(neighbours, axis=-1))


class Attention(nn.Module):
    """Multi-head self-attention over x [B, T, W]; `mask` broadcasts to [B, 1, T, S].

    With a `cache` of (keys, values), each [B, S, heads, W / heads], the T new positions are
    written at `start` and attend to the whole cache. Returns (output [B, T, W], cache).
    """

    heads: int
    dtype: jnp.dtype
    rank: int = 0

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T W"],
        mask: Bool[Array, "*M T S"] | None = None,
        cache: Cache | None = None,
        start: int | Int[Array, ""] = 0,
    ) -> tuple[Float[Array, "B T W"], Cache | None]:
        batch, length, width = x.shape
        dense = functools.partial(Dense, dtype=self.dtype, rank=self.rank)
        projected = dense(3 * width, use_bias=False, name="qkv")(x)
        heads = projected.reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = jnp.moveaxis(heads, 2, 0)
        if cache is not None:
            at = (0, start, 0, 0)
            key = jax.lax.dynamic_update_slice(cache[0], key, at)
            value = jax.lax.dynamic_update_slice(cache[1], value, at)
            cache = (key, value)
        mixed = jax.nn.dot_product_attention(query, key, value, mask=mask)
        out = dense(width, name="out")(mixed.reshape(batch, length, width))
        return out, cache


class Block(nn.Module):
    """Pre-norm transformer block: attention, then a GELU MLP of four times the width.

    With `keys` a share `dropout` of what either adds is dropped; `place` is the layer's number.
    """

    heads: int
    dtype: jnp.dtype
    rank: int = 0
    dropout: float = 0.0
    place: int = 0

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T W"],
        mask: Bool[Array, "*M T S"] | None = None,
        cache: Cache | None = None,
        start: int | Int[Array, ""] = 0,
        keys: Key[Array, " B"] | None = None,
    ) -> tuple[Float[Array, "B T W"], Cache | None]:
        width = x.shape[-1]
        dense = functools.partial(Dense, dtype=self.dtype, rank=self.rank)
        attended, cache = Attention(self.heads, self.dtype, self.rank)(
            nn.LayerNorm(dtype=self.dtype)(x), mask, cache, start
        )
        x = x + dropout(attended, self.dropout, keys, 2 * self.place)
        hidden = dense(4 * width)(nn.LayerNorm(dtype=self.dtype)(x))
        added = dense(width)(nn.gelu(hidden))
        return x + dropout(added, self.dropout, keys, 2 * self.place + 1), cache


class Transformer(nn.Module):
    """`layers` blocks and a final norm; caches are a tuple with one entry a layer.

    A `rank` above 0 gives every matrix product of the blocks a low-rank adapter. `dropout` works
    where rows have `keys`.
    """

    layers: int
    heads: int
    dtype: jnp.dtype
    rank: int = 0
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T W"],
        mask: Bool[Array, "*M T S"] | None = None,
        caches: tuple[Cache, ...] | None = None,
        start: int | Int[Array, ""] = 0,
        keys: Key[Array, " B"] | None = None,
    ) -> tuple[Float[Array, "B T W"], tuple[Cache | None, ...]]:
        caches = caches or (None,) * self.layers
        updated = []
        for place, cache in enumerate(caches):
            block = Block(self.heads, self.dtype, self.rank, self.dropout, place)
            x, cache = block(x, mask, cache, start, keys)
            updated.append(cache)
        return nn.LayerNorm(dtype=self.dtype)(x), tuple(updated)


class Embedded(nn.Module):
    """Learned vectors [length, width], repeated over a batch: [B, length, width]."""

    length: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, batch: int) -> Float[Array, "B L W"]:
        vectors = self.param("vectors", EMBEDDING_INIT, (self.length, self.width))
        shape = (batch, self.length, self.width)
        return jnp.broadcast_to(vectors.astype(self.dtype), shape)


class PosteriorHead(nn.Module):
    """Sequence to posterior: x [B, S, W], visible [B, S] bool -> Gaussian [B, D].

    Every position is squeezed to `squeeze` numbers and all of them are read by one matrix:
    unlike pooling or latent queries, each position has its own path to the latent from the
    first step on, and training starts at once instead of after a long plateau.
    """

    latent_dim: int
    squeeze: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, x: Float[Array, "B S W"], visible: Bool[Array, "B S"] | None = None
    ) -> Gaussian:
        x = Dense(self.squeeze, dtype=self.dtype, name="squeeze")(x)
        if visible is not None:
            x = x * visible[..., None].astype(x.dtype)
        flat = x.reshape(x.shape[0], -1)
        moments = Dense(2 * self.latent_dim, dtype=self.dtype, name="moments")(flat)
        return from_logits(*jnp.split(moments.astype(jnp.float32), 2, axis=-1))


class LatentCanvas(nn.Module):
    """Latents z [B, D] as a sequence [B, length, width]: the mirror of `PosteriorHead`."""

    length: int
    width: int
    squeeze: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, z: Float[Array, "B D"]) -> Float[Array, "B L W"]:
        batch = z.shape[0]
        flat = Dense(self.length * self.squeeze, dtype=self.dtype, name="expand")(z)
        x = flat.reshape(batch, self.length, self.squeeze)
        x = Dense(self.width, dtype=self.dtype, name="widen")(x)
        return x + Embedded(self.length, self.width, self.dtype, name="positions")(batch)
