"""Objectives whose joint posterior is a product of experts."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from mmvae.models import fusion
from mmvae.models.fusion import product_of_experts, product_without_prior
from mmvae.models.gaussian import Gaussian
from mmvae.models.mmvae import Present
from mmvae.objectives.rows import Bound, Rows, any_of, kl
from mmvae.objectives.subsets import choose_subsets

_SUBSETS, _CHOICE = 10, 500  # streams: of samples, and of which subsets are shown


def mvae(rows: Rows) -> Bound:
    """ELBOs of all modalities, of each alone, and of random subsets; their sum.

    A subset's mean is over the rows that have some of it. Source: Wu & Goodman 2018 (MVAE),
    section 2.3.
    """
    settings = rows.settings.objective
    shown = [rows.present]
    if settings.subsampling:
        shown += [rows.alone(name) for name in rows.names]
        shown += [_random_subset(rows, place) for place in range(settings.random_subsets)]
    loss, of_all = 0.0, None
    for place, seen in enumerate(shown):
        q = product_of_experts(rows.shared, seen)
        z = rows.keys.sample(q, _SUBSETS + place)
        single = 0 < place <= len(rows.names)
        decoded = rows.decode(z, (rows.names[place - 1],) if single else ())
        likely = rows.losses(decoded)
        nll = sum(jnp.where(seen[name], likely[name], 0.0) for name in likely)
        loss += rows.mean(nll + rows.beta * kl(q), any_of(seen))
        of_all = of_all or (z, decoded)
    return Bound(loss, *of_all)


def mvtcae(rows: Rows) -> Bound:
    """Total correlation: the joint posterior near those of single modalities, and near N(0, I).

    Source: Hwang et al. 2021 (MVTCAE), section 4.
    """
    alpha, count = rows.settings.objective.alpha, len(rows.names)
    q = product_without_prior(rows.shared, rows.present)
    z, decoded = _decoded(rows, q)
    divergence = alpha / count * _to_experts(rows, q) + (1 - alpha) * kl(q)
    nll = (count - alpha) / count * rows.total(decoded)
    return Bound(rows.mean(nll + rows.beta * divergence), z, decoded)


def crmvae(rows: Rows) -> Bound:
    """Each modality told by the joint posterior and by its own, which stay near each other.

    Source: Suzuki & Matsuo 2022 (CRMVAE, openreview Rn8u4MYgeNJ).
    """
    parts = len(rows.names) + 1
    q = product_without_prior(rows.shared, rows.present)
    z, decoded = _decoded(rows, q)
    nll = rows.total(decoded)
    for place, name in enumerate(rows.names):
        own = rows.keys.sample(rows.shared[name], _SUBSETS + 1 + place)
        nll += rows.total(rows.decode(own, (name,)))
    divergence = kl(q) + _to_experts(rows, q)
    loss = rows.mean(nll / (2 * parts) + rows.beta * divergence / parts)
    return Bound(loss, z, decoded)


def weighted_product(rows: Rows) -> Bound:
    """The ELBO of a product whose experts' precisions have learned weights.

    Sources: Cao & Fleet 2014 (generalised product); Lawry Aguila et al. 2023 (as a VAE).
    """
    q = rows.model.fuse(rows.experts, rows.present)
    z, decoded = _decoded(rows, q)
    return Bound(rows.mean(rows.total(decoded) + rows.beta * kl(q)), z, decoded)


def dmvae(rows: Rows) -> Bound:
    """The ELBO of the product and of each expert alone, all modalities told with private codes.

    Source: Lee & Pavlovic 2021 (DMVAE), section 3.
    """
    layout, private_kl = rows.model.layout, rows.private_kl()
    shown = [(product_of_experts(rows.shared, rows.present), rows.any)]
    shown += [(rows.shared[name], rows.present[name]) for name in rows.names]
    loss, of_all = 0.0, None
    for place, (q, counted) in enumerate(shown):
        z = layout.join(rows.keys.sample(q, _SUBSETS + place), rows.codes())
        decoded = rows.decode(z)
        nll = rows.total(decoded) + rows.beta * (kl(q) + private_kl)
        loss += rows.mean(jnp.where(counted, nll, 0.0))
        of_all = of_all or (z, decoded)
    return Bound(loss, *of_all)


def _decoded(rows: Rows, q: Gaussian) -> tuple[Float[Array, "B D"], dict]:
    z = rows.keys.sample(q, _SUBSETS)
    return z, rows.decode(z)


def _to_experts(rows: Rows, q: Gaussian) -> Float[Array, " B"]:
    """Sum over what is present of KL(q || q_m)."""
    return sum(rows.present[name] * kl(q, rows.shared[name]) for name in rows.names)


def _random_subset(rows: Rows, place: int) -> Present:
    """Of each row one of the subsets of several modalities, but not all, that it has."""
    between = [s for s in fusion.subsets(rows.names) if 1 < len(s) < len(rows.names)]
    odds = dict.fromkeys(("+".join(subset) for subset in between), 1.0)
    seen = choose_subsets(rows.keys(_CHOICE + place), rows.present, odds)
    several = sum(shown.astype(int) for shown in seen.values()) > 1
    return {name: shown & several for name, shown in seen.items()}
