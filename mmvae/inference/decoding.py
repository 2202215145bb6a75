"""Data of one modality from latents; pure functions of a model, compiled once."""

import functools

import jax
from jaxtyping import Array, Float, Shaped, UInt32

from mmvae.inference.latents import Params, keys_of
from mmvae.models import autoregressive
from mmvae.models.autoregressive import Written
from mmvae.models.mmvae import MMVAE


@functools.partial(jax.jit, static_argnums=(0, 1))
def likeliest(
    model: MMVAE, name: str, params: Params, latents: Float[Array, "B D"]
) -> Shaped[Array, "B ..."]:
    """Data [B, ...]: the mean, or the likeliest."""
    return model.bind({"params": params}).sample(name, latents)


@functools.partial(jax.jit, static_argnums=(0, 1))
def sample(
    model: MMVAE,
    name: str,
    params: Params,
    latents: Float[Array, "B D"],
    seeds: UInt32[Array, " B"],
) -> Shaped[Array, "B ..."]:
    """Data [B, ...] sampled with a seed for each row."""
    return model.bind({"params": params}).sample(name, latents, keys_of(seeds))


@functools.partial(jax.jit, static_argnums=(0, 1))
def greedy(model: MMVAE, name: str, params: Params, latents: Float[Array, "B D"]) -> Written:
    """The likeliest next token each time, and its mean log-probability; see `autoregressive`."""
    return autoregressive.greedy(_writer(model, name, params), latents)


@functools.partial(jax.jit, static_argnums=(0, 1))
def sampled(
    model: MMVAE,
    name: str,
    params: Params,
    temperature: Float[Array, ""],
    top_p: Float[Array, ""],
    latents: Float[Array, "B D"],
    seeds: UInt32[Array, " B"],
) -> Written:
    """Sampled tokens, with a seed for each row; see `autoregressive`."""
    writer = _writer(model, name, params)
    return autoregressive.sampled(writer, latents, keys_of(seeds), temperature, top_p)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def beam_search(
    model: MMVAE, name: str, beams: int, params: Params, latents: Float[Array, "B D"]
) -> Written:
    """The best of `beams` hypotheses; see `autoregressive`."""
    return autoregressive.beam_search(_writer(model, name, params), beams, latents)


def _writer(model, name, params):
    return model.bind({"params": params}).writer(name)
