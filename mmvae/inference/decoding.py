"""Captions from latents, token by token: greedy, sampled, or by beam search.

Each way is one compiled scan over the caption's length, on the decoder's key-value caches.
"""

import functools

import jax
import jax.numpy as jnp

from mmvae.data.text import BOS, EOS, PAD
from mmvae.models.mmvae import MMVAE


@functools.partial(jax.jit, static_argnums=(0, 1))
def greedy(model, length, params, latents):
    """The likeliest next token each time: ids [B, L], mean log-probability per token [B]."""
    return _written(model, length, params, latents, lambda logits, _: jnp.argmax(logits, axis=-1))


@functools.partial(jax.jit, static_argnums=(0, 1))
def sampled(model, length, params, temperature, top_p, latents, seeds):
    """Tokens drawn, with a seed [B] for each row: ids [B, L], mean log-probability [B].

    They come from the smallest set that holds `top_p` of the probability at `temperature`
    (nucleus sampling, Holtzman et al. 2020).
    """
    keys = jax.vmap(jax.random.key)(seeds)

    def choose(logits, index):
        folded = jax.vmap(jax.random.fold_in, (0, None))(keys, index)
        return jax.vmap(jax.random.categorical)(folded, _nucleus(logits / temperature, top_p))

    return _written(model, length, params, latents, choose)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def beam_search(model, length, beams, params, latents):
    """The best of `beams` hypotheses kept: ids [B, L], mean log-probability per token [B].

    Hypotheses are pruned by their total and the winner is chosen by its mean per token, so
    that short captions have no advantage (length normalisation, Wu et al. 2016, section 7).
    """
    rows = latents.shape[0]
    caches = _begin(model, params, jnp.repeat(latents, beams, axis=0))
    # One live hypothesis at first: copies of it would fill the beam.
    scores = jnp.where(jnp.arange(beams) == 0, 0.0, -jnp.inf) * jnp.ones((rows, 1))
    ids = jnp.full((rows, beams, length), PAD)
    start = (caches, jnp.full((rows, beams), BOS), scores, ids)

    def one(carry, index):
        caches, token, scores, ids = carry
        logits, caches = _extend(model, params, caches, token.reshape(-1), index)
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


def _written(model, length, params, latents, choose):
    """Ids and scores of captions whose next token is choose(logits [B, V], index)."""
    rows = latents.shape[0]
    start = _begin(model, params, latents), jnp.full(rows, BOS), jnp.zeros(rows, bool)

    def one(carry, index):
        caches, token, done = carry
        logits, caches = _extend(model, params, caches, token, index)
        token = choose(logits, index)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), token[:, None], axis=1)[:, 0]
        written = jnp.where(done, PAD, token)
        return (caches, written, done | (token == EOS)), (written, jnp.where(done, 0.0, chosen))

    _, (ids, scores) = jax.lax.scan(one, start, jnp.arange(length))
    return ids.T, jnp.sum(scores, axis=0) / jnp.maximum(1, jnp.sum(ids != PAD, axis=0))


def _begin(model, params, latents):
    return model.apply({"params": params}, latents, method=MMVAE.write_begin)


def _extend(model, params, caches, token, index):
    """Next-token logits without the ids that no caption holds, and new caches."""
    logits, caches = model.apply(
        {"params": params}, caches, token, index, method=MMVAE.write_extend
    )
    return logits.at[:, BOS].set(-jnp.inf).at[:, PAD].set(-jnp.inf), caches


def _nucleus(logits, top_p):
    """Logits with everything outside the smallest set of probability `top_p` removed."""
    ordered = jnp.sort(logits, axis=-1)[:, ::-1]
    before = jnp.cumsum(jax.nn.softmax(ordered), axis=-1) - jax.nn.softmax(ordered)
    kept = jnp.maximum(1, jnp.sum(before < top_p, axis=-1))
    least = jnp.take_along_axis(ordered, kept[:, None] - 1, axis=1)
    return jnp.where(logits >= least, logits, -jnp.inf)
