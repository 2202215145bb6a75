"""Joint posteriors from unimodal ones. Experts are {name: Gaussian [B, D]}; `present` is
{name: [B] bool}, and an absent expert changes nothing."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Bool

from mmvae.models import mixture
from mmvae.models.gaussian import Gaussian
from mmvae.models.mixture import Mixture

Posterior = Gaussian | Mixture


def product_of_experts(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Gaussian:
    """Product of the present experts and the N(0, I) prior expert: Gaussian [B, D].

    With no expert present it is the prior. Source: Wu & Goodman 2018 (MVAE), section 2.2.
    """
    precision, weighted = 1.0, 0.0
    for name, expert in experts.items():
        weight = present[name][:, None] * jnp.exp(-expert.logvar)
        precision += weight
        weighted += weight * expert.mean
    return Gaussian(weighted / precision, -jnp.log(precision))


def mixture_of_experts(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Mixture:
    """Even mixture of the present experts, N(0, I) where none is.

    Source: Shi et al. 2019 (MMVAE), section 3.2.
    """
    return mixture.of_experts(list(experts.values()), [present[name] for name in experts])


FUSIONS = {"product": product_of_experts, "mixture": mixture_of_experts}
