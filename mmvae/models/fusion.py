"""Joint posteriors from unimodal ones. Experts are {name: Gaussian [B, D]}; `present` is
{name: [B] bool}, and an absent expert changes nothing."""

import jax.numpy as jnp

from mmvae.models.gaussian import Gaussian


def product_of_experts(experts, present):
    """Product of the present experts and the N(0, I) prior expert: Gaussian [B, D].

    With no expert present it is the prior. Source: Wu & Goodman 2018 (MVAE), section 2.2.
    """
    precision, weighted = 1.0, 0.0
    for name, expert in experts.items():
        weight = present[name][:, None] * jnp.exp(-expert.logvar)
        precision += weight
        weighted += weight * expert.mean
    return Gaussian(weighted / precision, -jnp.log(precision))


FUSIONS = {"product": product_of_experts}
