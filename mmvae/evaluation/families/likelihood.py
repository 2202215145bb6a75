"""How probable the model holds unseen pairs: ELBO, importance-weighted bounds, and the KL.

In nats for one pair, with the prior N(0, I) or the objective's own. A picture's density is turned
into the probability of its 8-bit pixels; its scale is fitted on training pairs, because training
weighs losses and leaves it open (the optimal variance of Rybkin et al. 2021, "sigma-VAE",
section 3).
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split, evenly
from mmvae.inference.fixed_batches import in_batches
from mmvae.inference.session import Session
from mmvae.models.decoder import Decoder
from mmvae.models.likelihoods import log_prob
from mmvae.objectives.aggregation import derive

FORMATS = {
    "elbo_*": Format(".1f", "higher", "nats"),
    "iwae_effective_draws": Format(".2f", "higher"),
    "iwae_*": Format(".1f", "higher", "nats"),
    "log_likelihood_*": Format(".1f", "higher", "nats"),
    "image_bits_per_dim": Format(".3f", "lower", "bits"),
    "latent_kl": Format(".1f", "", "nats"),
    "latent_active_units": Format(".1f"),
}
_FITTED_ON = 256  # training pairs that the picture's scale is fitted on


@dataclass(frozen=True)
class LatentSamples:
    """K latents of each pair's posterior, given some of its modalities.

    Attributes:
        losses: {modality: [N, K]} as the model's likelihoods give them, where there are any.
        log_ratio: log p(z) - log q(z | given).
        mean: of the posterior.
        kl: KL(q(z | given) || N(0, I)) per dimension, nats.
    """

    losses: dict[str, Float[np.ndarray, "N K"]]
    log_ratio: Float[np.ndarray, "N K"]
    mean: Float[np.ndarray, "N D"]
    kl: Float[np.ndarray, "N D"]


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of the model, with K from the settings."""
    values, details = measure(job.session, job.test, job.train, job.resampling, job.settings.draws)
    job.details |= details
    without = [n for n, decoder in job.session.model.decoders.items() if not has_density(decoder)]
    if without:
        job.notes.append(
            f"Bounds with {' and '.join(without)} were left out: its decoder has no density."
        )
    return values


def measure(
    session: Session, test: Split, train: Split, resampling: Resampling, count: int
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """({name: Estimate}, {"latent_kl_per_dimension": [D], "image_scale": float}); K is `count`."""
    names, decoders = tuple(session.modalities), session.model.decoders
    terms, seed = compiled(session, count), resampling.seed
    known = train.take(evenly(len(train), _FITTED_ON))
    fitted = sample(terms, session, known, names, seed)
    scales = {name: float(np.mean(loss)) for name, loss in fitted.losses.items()}
    sources = {"joint": names} | {name: (name,) for name in names}
    samples, values = {}, {}
    for source, given in sources.items():
        samples[source] = sample(terms, session, test, given, seed)
        likely = log_likelihoods(samples[source].losses, decoders, scales)
        bounds = _bounds(source, given, samples[source], likely)
        values |= {name: resampling.mean(value) for name, value in bounds.items()}
    values |= _latent(samples["joint"], resampling)
    details = {"latent_kl_per_dimension": samples["joint"].kl.mean(axis=0).tolist()}
    if has_density(decoders["image"]):
        pixels = np.prod(session.modalities["image"].shape)
        values["image_bits_per_dim"] = values["iwae_image"].scaled(-1 / (pixels * np.log(2)))
        details["image_scale"] = scales["image"]
    return values, details


def compiled(session: Session, count: int) -> Callable:
    """What `sample` runs for `count` latents a pair; compiled once for every `given`."""
    return jax.jit(functools.partial(_terms, session.model, count))


def sample(
    terms: Callable, session: Session, pairs: Split, given: Sequence[str], seed: int
) -> LatentSamples:
    """Latents of each pair, given the modalities named in `given`; `terms` is of `compiled`."""
    shown = {
        name: modality.present(pairs.data[name]) & (name in given)
        for name, modality in session.modalities.items()
    }
    rows = np.arange(len(pairs), dtype=np.uint32)
    run = functools.partial(terms, session.params, jax.random.key(seed))
    return LatentSamples(*in_batches(run, pairs.data, shown, rows))


def log_likelihoods(
    losses: Mapping[str, Float[np.ndarray, "N K"]],
    decoders: Mapping[str, Decoder],
    scales: Mapping[str, float],
) -> dict[str, Float[np.ndarray, "N K"]]:
    """{modality: log p(x | z)} in nats from what the model's likelihoods lose."""
    likely = {}
    for name, loss in losses.items():
        likelihood = getattr(decoders[name], "likelihood", None)
        likely[name] = -loss
        if likelihood:  # times thousands of pixels: float32 would lose thousandths of a nat
            precise = loss.astype(np.float64)
            likely[name] = log_prob(precise, likelihood, decoders[name].shape, scales[name])
    return likely


def has_density(decoder: Decoder) -> bool:
    """Whether a decoder tells log-probabilities: a flow does not."""
    return hasattr(decoder, "log_prob")


def elbo(
    log_likelihood: Float[np.ndarray, "N K"], kl: Float[np.ndarray, "N D"]
) -> Float[np.ndarray, " N"]:
    """Evidence lower bound of log p(x | z) and the KL, nats."""
    return log_likelihood.mean(axis=1) - kl.sum(axis=1)


def importance_bound(log_weights: Float[np.ndarray, "N K"]) -> Float[np.ndarray, " N"]:
    """log of the mean weight (Burda et al. 2016, equation 8)."""
    return logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])


def effective_draws(log_weights: Float[np.ndarray, "N K"]) -> Float[np.ndarray, " N"]:
    """(sum w)^2 / sum w^2: how many of the K draws carry the bound. 1: it is loose."""
    return np.exp(2 * logsumexp(log_weights, axis=1) - logsumexp(2 * log_weights, axis=1))


def _bounds(source, given, samples, likely):
    """{name: [N]} of one posterior: bounds of what it saw, likelihoods of what it did not."""
    values = {}
    if set(given) <= set(likely):
        own = sum(likely[name] for name in given)
        values[f"elbo_{source}"] = elbo(own, samples.kl)
        values[f"iwae_{source}"] = importance_bound(own + samples.log_ratio)
        if source == "joint":
            values["iwae_effective_draws"] = effective_draws(own + samples.log_ratio)
    for name in likely:
        if name not in given:
            values[f"log_likelihood_{name}_from_{source}"] = importance_bound(likely[name])
    return values


def _latent(samples, resampling):
    """KL of the joint posterior and active units (Burda et al. 2016, section 5.2)."""

    def active(weights):
        share = weights / weights.sum()
        moments = {"_posterior_mean": share @ samples.mean}
        moments["_posterior_mean_square"] = share @ np.square(samples.mean)
        return derive(moments)["latent_active_units"]

    return {
        "latent_kl": resampling.mean(samples.kl.sum(axis=1)),
        "latent_active_units": resampling.statistic(active, len(samples.mean)),
    }


def _terms(model, count, params, key, batch, shown, rows):
    """The fields of LatentSamples for a batch; row i's noise depends on its number alone."""
    bound = model.bind({"params": params})
    posterior = bound.infer(batch, shown)
    shared = model.layout.shared
    log_prior = lambda z: bound.log_prior(z[:, :shared]) + bound.log_code_prior(z[:, shared:])
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)
    data = {name: x for name, x in batch.items() if has_density(model.decoders[name])}

    def one(index):
        z = posterior.sample(jax.vmap(jax.random.fold_in, (0, None))(keys, index))
        losses = {name: decoded.loss for name, decoded in bound.reconstruct(z, data).items()}
        return losses, log_prior(z) - posterior.log_prob(z)

    losses, log_ratio = jax.lax.map(one, jnp.arange(count))
    losses = {name: loss.T for name, loss in losses.items()}
    return losses, log_ratio.T, posterior.mean, posterior.kl_per_dimension()
