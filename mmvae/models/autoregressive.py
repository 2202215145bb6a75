"""Token by token: greedy, sampled, or by beam search, with any decoder that writes so.

Each way is one compiled scan over the length, on the decoder's key-value caches.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, Key

from mmvae.data.text import BOS, EOS, PAD

Written = tuple[Int32[Array, "B L"], Float[Array, " B"]]


class Writer(NamedTuple):
    """A decoder with its parameters, as functions.

    Attributes:
        length: tokens of what it writes, the end included.
        begin: latents [B, D] -> caches.
        extend: (caches, token [B], index) -> (next-token logits [B, V], caches).
    """

    length: int
    begin: Callable
    extend: Callable


def greedy(writer: Writer, latents: Float[Array, "B D"]) -> Written:
    """The likeliest next token each time: ids, and mean log-probability per token."""
    return _written(writer, latents, lambda logits, _: jnp.argmax(logits, axis=-1))


def sampled(
    writer: Writer,
    latents: Float[Array, "B D"],
    keys: Key[Array, " B"],
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Written:
    """Sampled tokens, with a key for each row: ids, and mean log-probability per token.

    They come from the smallest set that holds `top_p` of the probability at `temperature`
    (nucleus sampling, Holtzman et al. 2020).
    """

    def choose(logits, index):
        folded = jax.vmap(jax.random.fold_in, (0, None))(keys, index)
        return jax.vmap(jax.random.categorical)(folded, _nucleus(logits / temperature, top_p))

    return _written(writer, latents, choose)


def beam_search(writer: Writer, beams: int, latents: Float[Array, "B D"]) -> Written:
    """The best of `beams` hypotheses kept: ids, and mean log-probability per token.

    Hypotheses are pruned by their total and the winner is chosen by its mean per token, so
    that short captions have no advantage (length normalisation, Wu et al. 2016, section 7).
    """
    rows, length = latents.shape[0], writer.length
    caches = writer.begin(jnp.repeat(latents, beams, axis=0))
    # One live hypothesis at first: copies of it would fill the beam.
    scores = jnp.broadcast_to(jnp.where(jnp.arange(beams) == 0, 0.0, -jnp.inf), (rows, beams))
    ids = jnp.full((rows, beams, length), PAD)
    start = (caches, jnp.full((rows, beams), BOS), scores, ids)

    def one(carry, index):
        caches, token, scores, ids = carry
        logits, caches = _extended(writer, caches, token.reshape(-1), index)
        steps = jax.nn.log_softmax(logits).reshape(rows, beams, -1)
        ended = ((token == EOS) | (token == PAD))[..., None]
        only_padding = jnp.where(jnp.arange(steps.shape[-1]) == PAD, 0.0, -jnp.inf)
        totals = scores[..., None] + jnp.where(ended, only_padding, steps)
        scores, best = jax.lax.top_k(totals.reshape(rows, -1), beams)
        parent, token = best // steps.shape[-1], best % steps.shape[-1]
        ids = jnp.take_along_axis(ids, parent[..., None], axis=1).at[..., index].set(token)
        flat = (jnp.arange(rows)[:, None] * beams + parent).reshape(-1)
        return (jax.tree.map(lambda x: x[flat], caches), token, scores, ids), None

    (_, _, scores, ids), _ = jax.lax.scan(one, start, jnp.arange(length))
    means = scores / jnp.maximum(1, jnp.sum(ids != PAD, axis=-1))
    winner = jnp.argmax(means, axis=1)
    pick = lambda x: jnp.take_along_axis(x, winner.reshape(-1, *[1] * (x.ndim - 1)), axis=1)[:, 0]
    return pick(ids), pick(means)


def _written(writer, latents, choose):
    """Ids and scores of what has choose(logits [B, V], index) as its next token."""
    rows = latents.shape[0]
    start = writer.begin(latents), jnp.full(rows, BOS), jnp.zeros(rows, bool)

    def one(carry, index):
        caches, token, done = carry
        logits, caches = _extended(writer, caches, token, index)
        token = choose(logits, index)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), token[:, None], axis=1)[:, 0]
        written = jnp.where(done, PAD, token)
        return (caches, written, done | (token == EOS)), (written, jnp.where(done, 0.0, chosen))

    _, (ids, scores) = jax.lax.scan(one, start, jnp.arange(writer.length))
    return ids.T, jnp.sum(scores, axis=0) / jnp.maximum(1, jnp.sum(ids != PAD, axis=0))


def _extended(writer, caches, token, index):
    """Next-token logits without the ids that no caption holds, and new caches."""
    logits, caches = writer.extend(caches, token, index)
    return logits.at[:, BOS].set(-jnp.inf).at[:, PAD].set(-jnp.inf), caches


def _nucleus(logits, top_p):
    """Logits with everything outside the smallest set of probability `top_p` removed."""
    ordered = jnp.sort(logits, axis=-1)[:, ::-1]
    before = jnp.cumsum(jax.nn.softmax(ordered), axis=-1) - jax.nn.softmax(ordered)
    kept = jnp.maximum(1, jnp.sum(before < top_p, axis=-1))
    least = jnp.take_along_axis(ordered, kept[:, None] - 1, axis=1)
    return jnp.where(logits >= least, logits, -jnp.inf)
