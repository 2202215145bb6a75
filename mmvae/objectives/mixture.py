"""Objectives whose joint posterior is a mixture: of experts, or of products of them."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from mmvae.models.fusion import mixture_of_experts, mixture_of_products
from mmvae.models.gaussian import Gaussian
from mmvae.objectives.rows import CODES, OTHER_CODES, Bound, Rows, kl

GRADIENTS = ("dreg", "iwae")
POSTERIORS = ("gaussian", "laplace")
_EXPERTS, _CHOICE = 10, 500  # streams: of samples, and of which component a row takes


def mmvae(rows: Rows) -> Bound:
    """The mixture's importance-weighted bound, with K samples of each expert.

    The mean over experts stands outside the log. A modality is told with a sample of its own
    private code, the others with codes of their priors; weights are of densities in nats,
    whatever the scale of the loss. Sources: Shi et al. 2019 (MMVAE), section 3.3; Tucker et al.
    2019 (`dreg`); Palumbo et al. 2023 (MMVAE+), section 3; Palumbo et al. 2024 (CMVAE), whose
    expectation over clusters is the learned prior's log p(u).
    """
    objective, nats = rows.settings.objective, rows.settings.nats
    doubly = objective.gradient == "dreg"
    samples = _samples(rows, objective.draws)
    u, w, slots = _reweighted(samples) if doubly else (*samples, None)
    z = _joined(rows, u, w, objective.draws)
    decoded = rows.decode(z)
    log_ratio = _log_prior(rows, u, w) - _log_posterior(rows, u, w, doubly)
    log_weights = nats * (rows.beta * log_ratio - rows.total(decoded))
    if doubly:  # the weights' own gradient, and that of densities' parameters, have mean 0
        shares = lax.stop_gradient(jax.nn.softmax(log_weights, axis=1))
        bounds = jnp.sum(shares * (log_weights + slots[0]) + slots[1], axis=1)
    else:
        bounds = jax.nn.logsumexp(log_weights, axis=1) - jnp.log(objective.draws)
    nll = sum(jnp.where(rows.present[n], bounds[i], 0.0) for i, n in enumerate(rows.names))
    place = _component(rows)
    of_row = jax.tree.map(lambda x: _picked(jnp.mean(x, axis=1), place), decoded)
    return Bound(-rows.mean(nll / rows.count) / nats, _picked(z[:, 0], place), of_row)


def mopoe(rows: Rows) -> Bound:
    """One product of experts a row, of a random subset of what it has; KL of all of them.

    Source: Sutter et al. 2021 (MoPoE), section 3, with its codes of single modalities. The
    authors' code gives subsets to blocks of rows; here each row has its own.
    """
    posterior = mixture_of_products(rows.shared, rows.present)
    q = posterior.chosen(rows.keys.choose(posterior.log_weights, _CHOICE))
    z = rows.model.layout.join(rows.keys.sample(q, _EXPERTS), rows.codes())
    decoded = rows.decode(z)
    weights = jnp.exp(posterior.log_weights)
    divergence = jnp.sum(weights * kl(posterior.components), axis=1) + rows.private_kl()
    return Bound(rows.mean(rows.total(decoded) + rows.beta * divergence), z, decoded)


def mmjsd(rows: Rows) -> Bound:
    """Jensen-Shannon divergence of the experts and N(0, I), around their geometric mean.

    Source: Sutter et al. 2020 (mmJSD), section 3.3, the dynamic prior; even weights.
    """
    share = 1 / (rows.count + 1)[:, None]
    centre = _geometric_mean(rows, share)
    prior = centre.standard()
    divergence = kl(prior, centre)
    for name in rows.names:
        divergence += rows.present[name] * kl(rows.shared[name], centre)
    mixture = mixture_of_experts(rows.shared, rows.present)
    q = mixture.chosen(rows.keys.choose(mixture.log_weights, _CHOICE))
    z = rows.keys.sample(q, _EXPERTS)
    decoded = rows.decode(z)
    loss = rows.mean(rows.total(decoded) + rows.beta * share[:, 0] * divergence)
    return Bound(loss, z, decoded)


def mmvm(rows: Rows) -> Bound:
    """Each modality by its own posterior, which the mixture of all pulls near as its prior.

    The KL to the mixture is of one sample. Source: Sutter et al. 2024 ("Unity by diversity",
    MMVM), section 4.
    """
    prior = mixture_of_experts(rows.shared, rows.present)
    loss, decoded, latents = 0.0, {}, []
    for place, name in enumerate(rows.names):
        q = rows.shared[name]
        z = rows.keys.sample(q, _EXPERTS + place)
        own = rows.decode(z, (name,))
        ratio = q.log_prob(z) - prior.log_prob(z)
        loss += rows.total(own) + rows.beta * jnp.where(rows.present[name], ratio, 0.0)
        latents.append(z)
        decoded |= own
    return Bound(rows.mean(loss), _picked(jnp.stack(latents), _component(rows)), decoded)


def _samples(rows: Rows, count: int) -> tuple[Float[Array, "M K B U"], Any]:
    """Samples of each expert, and of each private code (None where there are none)."""
    draw = lambda q, stream: rows.keys.samples(q, stream, count)
    u = [draw(rows.shared[name], _EXPERTS + i) for i, name in enumerate(rows.names)]
    w = [draw(code, CODES + i) for i, code in enumerate(rows.private.values())]
    return jnp.stack(u), jnp.stack(w) if w else None


def _joined(rows: Rows, u: Any, w: Any, count: int) -> Float[Array, "M K B D"]:
    """Latents of each expert: its own code is that of its posterior, the others of their priors."""
    if w is None:
        return u
    latents, size = [], len(rows.names)
    for i, mine in enumerate(rows.names):
        codes = {mine: w[i]}
        for j, other in enumerate(rows.names):
            if other != mine:
                prior = rows.model.code_prior(other, u.shape[2])
                codes[other] = rows.keys.samples(prior, OTHER_CODES + size * i + j, count)
        latents.append(rows.model.layout.join(u[i], codes))
    return jnp.stack(latents)


def _log_prior(rows: Rows, u: Any, w: Any) -> Float[Array, "M K B"]:
    """log p(u), and log p(w_m) of the expert's own code."""
    codes = 0.0 if w is None else rows.model.log_code_prior(w)
    return rows.model.log_prior(u) + codes


def _log_posterior(rows: Rows, u: Any, w: Any, held: bool) -> Float[Array, "M K B"]:
    """log of the mean of q_n(u) over what a row has, and log q(w_m); parameters `held` or not."""
    hold = lax.stop_gradient if held else lambda x: x
    each = [jax.vmap(jax.vmap(hold(rows.shared[name]).log_prob))(u) for name in rows.names]
    # A row that has nothing counts nowhere, but must stay finite.
    shown = [jnp.broadcast_to(rows.present[n] | ~rows.any, u.shape[:-1]) for n in rows.names]
    mixed = jax.nn.logsumexp(jnp.stack(each), axis=0, where=jnp.stack(shown))
    mixed -= jnp.broadcast_to(jnp.log(rows.count), mixed.shape)
    if w is None:
        return mixed
    codes = [jax.vmap(hold(q).log_prob)(own) for q, own in zip(rows.private.values(), w)]
    return mixed + jnp.stack(codes)


@jax.custom_vjp
def _reweighted(samples):
    """(*samples, slots): samples as they are, whose gradient is multiplied by that of slots.

    The gradient of a sample is multiplied by the ratio of its slots' gradients, which the caller
    makes its importance weight (DReG, Tucker et al. 2019, section 4).
    """
    zeros = jnp.zeros(samples[0].shape[:-1], samples[0].dtype)
    return *samples, (zeros, zeros)


def _forward(samples):
    return _reweighted(samples), None


def _backward(_, gradients):
    *samples, (weighted, plain) = gradients
    ratio = jnp.where(plain != 0, weighted / jnp.where(plain != 0, plain, 1.0), 0.0)
    return (jax.tree.map(lambda g: g * ratio[..., None], tuple(samples)),)


_reweighted.defvjp(_forward, _backward)


def _geometric_mean(rows: Rows, share: Float[Array, "B 1"]) -> Gaussian:
    """Of the experts of a row and N(0, I), each with the weight `share`."""
    precision, weighted = share, 0.0
    for name, expert in rows.shared.items():
        weight = share * rows.present[name][:, None] * jnp.exp(-expert.logvar)
        precision = precision + weight
        weighted += weight * expert.mean
    return Gaussian(weighted / precision, -jnp.log(precision))


def _component(rows: Rows) -> Float[Array, " B"]:
    """A random modality of each row."""
    shown = jnp.stack([rows.present[name] | ~rows.any for name in rows.names], axis=1)
    return rows.keys.choose(jnp.where(shown, 0.0, -jnp.inf), _CHOICE)


def _picked(values: Float[Array, "M B ..."], place: Float[Array, " B"]) -> Float[Array, "B ..."]:
    """Of each row the value of one modality."""
    at = place.reshape(1, -1, *[1] * (values.ndim - 2))
    return jnp.take_along_axis(values, at, axis=0)[0]
