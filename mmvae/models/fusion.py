"""Joint posteriors from unimodal ones. Experts are {name: Gaussian [B, D]}; `present` is
{name: [B] bool}, and an absent expert changes nothing."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from mmvae.models import gaussian, mixture
from mmvae.models.gaussian import Gaussian
from mmvae.models.mixture import Mixture

Posterior = Gaussian | Mixture
JOINT = "joint"  # the name of the expert that read all modalities, beside theirs


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


def product_without_prior(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Gaussian:
    """Product of the present experts alone; N(0, I) where none is.

    Source: Hwang et al. 2021 (MVTCAE), section 4.
    """
    precision = weighted = 0.0
    for name, expert in experts.items():
        weight = present[name][:, None] * jnp.exp(-expert.logvar)
        precision += weight
        weighted += weight * expert.mean
    precision = jnp.where(precision > 0, precision, 1.0)
    return Gaussian(weighted / precision, -jnp.log(precision))


def mixture_of_experts(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Mixture:
    """Even mixture of the present experts, N(0, I) where none is.

    Source: Shi et al. 2019 (MMVAE), section 3.2.
    """
    return mixture.of_experts(list(experts.values()), [present[name] for name in experts])


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """All subsets of the names but the empty one, small ones first."""
    sizes = range(1, len(names) + 1)
    return [subset for size in sizes for subset in combinations(names, size)]


def mixture_of_products(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Mixture:
    """Even mixture of the products of all subsets of what is present; N(0, I) where nothing is.

    Its components are in the order of `subsets`. The N(0, I) expert is in the product of all
    modalities alone, as in the authors' code. Source: Sutter et al. 2021 (MoPoE), section 3.
    """
    products, complete = [], []
    for subset in subsets(list(experts)):
        own = {name: experts[name] for name in subset}
        whole = jax.tree.map(jnp.ones_like, {name: present[name] for name in subset})
        product = product_of_experts if len(subset) == len(experts) else product_without_prior
        products.append(product(own, whole))
        complete.append(jnp.all(jnp.stack([present[name] for name in subset]), axis=0))
    return mixture.of_experts(products, complete)


def joint_encoder(
    experts: Mapping[str, Gaussian], present: Mapping[str, Bool[Array, " B"]]
) -> Gaussian:
    """The expert that read all modalities, where all are present; else the product of the rest.

    That product has no prior expert, so that one modality alone has its own posterior.
    """
    alone = {name: expert for name, expert in experts.items() if name != JOINT}
    product = product_without_prior(alone, present)
    if JOINT not in experts:
        return product
    complete = jnp.all(jnp.stack([present[name] for name in alone]), axis=0)
    return gaussian.chosen(complete, experts[JOINT], product)


FUSIONS = {
    "product": product_of_experts,
    "mixture": mixture_of_experts,
    "product_without_prior": product_without_prior,
    "weighted_product": product_without_prior,  # of experts that `MMVAE.fuse` weighs
    "mixture_of_products": mixture_of_products,
    "joint_encoder": joint_encoder,
}
