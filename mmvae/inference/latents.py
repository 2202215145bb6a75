"""What a Session computes: pure functions of a model, its parameters and rows, compiled once."""

import functools

import jax
import jax.numpy as jnp

from mmvae.models.image import to_pixels
from mmvae.models.mmvae import MMVAE

FLOW_STEPS = 20  # of the learned prior's integration
GUIDANCE = 3.0  # of the learned prior, by default


def apply(model, params, method, *args):
    """A method of a model with its parameters."""
    return model.apply({"params": params}, *args, method=method)


@functools.partial(jax.jit, static_argnums=0)
def posteriors(model, params, inputs, present):
    """({name: Gaussian [B, D]}, joint Gaussian [B, D]) of inputs of which some are present."""
    experts = apply(model, params, MMVAE.encode, inputs)
    return experts, apply(model, params, MMVAE.fuse, experts, present)


@functools.partial(jax.jit, static_argnums=(0, 1))
def projected(model, name, params, inputs):
    """Unit vectors [B, E] of one modality's inputs."""
    experts = apply(model, params, MMVAE.encode, inputs)
    return apply(model, params, MMVAE.project, experts)[name]


@functools.partial(jax.jit, static_argnums=0)
def normal_draw(model, params, temperature, inputs, present, seeds):
    """Draws [B, D] of the posterior of what is present, N(0, I) if nothing is."""
    experts = apply(model, params, MMVAE.encode, inputs)
    posterior = apply(model, params, MMVAE.fuse, experts, present)
    start = temperature * noise(seeds, posterior.mean.shape[1])
    return posterior.mean + jnp.exp(0.5 * posterior.logvar) * start


@functools.partial(jax.jit, static_argnums=0)
def flow_draw(model, params, temperature, guidance, inputs, present, seeds):
    """Draws [B, D] of the learned prior, given what is present."""
    experts = apply(model, params, MMVAE.encode, inputs)
    start = temperature * noise(seeds, experts["image"].mean.shape[1])
    return apply(model, params, MMVAE.draw_prior, start, experts, present, FLOW_STEPS, guidance)


def noise(seeds, dim):
    """Standard normal [B, dim], each row from its own seed."""
    return jax.vmap(lambda seed: jax.random.normal(jax.random.key(seed), (dim,)))(seeds)


@functools.partial(jax.jit, static_argnums=0)
def drawn(model, params, latents):
    """Pictures uint8 [B, H, W, C] of latents [B, D]."""
    return to_pixels(apply(model, params, MMVAE.decode, latents, {"image": None})["image"])
