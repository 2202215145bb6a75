"""Latents of a model: posteriors, projections, samplers; pure functions, compiled once."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, Key, Shaped, UInt32

from mmvae.models.fusion import Posterior
from mmvae.models.gaussian import normal
from mmvae.models.mmvae import MMVAE, Experts, Present

FLOW_STEPS = 20  # of the learned prior's integration
GUIDANCE = 3.0  # of the learned prior, by default

Inputs = Mapping[str, Shaped[Array, "B ..."]]
Params = Mapping[str, Any]


@functools.partial(jax.jit, static_argnums=0)
def posteriors(
    model: MMVAE, params: Params, inputs: Inputs, present: Present
) -> tuple[Experts, Posterior]:
    """(experts, joint posterior) of inputs of which some are present."""
    bound = model.bind({"params": params})
    experts = bound.encode(inputs)
    return experts, bound.fuse(experts, present)


@functools.partial(jax.jit, static_argnums=(0, 1))
def projected(
    model: MMVAE, name: str, params: Params, data: Shaped[Array, "B ..."]
) -> Float[Array, "B E"]:
    """Unit vectors of one modality's data."""
    bound = model.bind({"params": params})
    return bound.project(bound.encode({name: data}))[name]


@functools.partial(jax.jit, static_argnums=0)
def sample_posterior(
    model: MMVAE,
    params: Params,
    temperature: Float[Array, ""],
    inputs: Inputs,
    present: Present,
    seeds: UInt32[Array, " B"],
) -> Float[Array, "B D"]:
    """Samples of the posterior of what is present, of N(0, I) if nothing is."""
    posterior = model.bind({"params": params}).infer(inputs, present)
    return posterior.sample(keys_of(seeds), temperature)


@functools.partial(jax.jit, static_argnums=0)
def sample_flow(
    model: MMVAE,
    params: Params,
    temperature: Float[Array, ""],
    guidance: Float[Array, ""],
    inputs: Inputs,
    present: Present,
    seeds: UInt32[Array, " B"],
) -> Float[Array, "B D"]:
    """Samples of the learned prior, given what is present."""
    bound = model.bind({"params": params})
    start = temperature * normal(keys_of(seeds), (model.latent_dim,))
    return bound.sample_prior(start, bound.encode(inputs), present, FLOW_STEPS, guidance)


def keys_of(seeds: UInt32[Array, " B"]) -> Key[Array, " B"]:
    """A key for each row from its own seed."""
    return jax.vmap(jax.random.key)(seeds)
