"""How probable the model holds unseen pairs: ELBO, importance-weighted bounds, and the KL.

In nats for one pair, with the prior N(0, I). A picture's density is turned into the probability
of its 8-bit pixels; its scale is fitted on training pairs, because training weighs losses and
leaves it open (the optimal variance of Rybkin et al. 2021, "sigma-VAE", section 3).
"""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from mmvae.evaluation.split import evenly
from mmvae.inference.fixed_batches import in_batches
from mmvae.models import gaussian
from mmvae.models.likelihoods import log_prob
from mmvae.objectives.aggregation import derive

_FITTED_ON = 256  # training pairs that the picture's scale is fitted on


@dataclass(frozen=True)
class Draws:
    """K latents of each pair's posterior, given some of its modalities.

    Attributes:
        losses: {modality: [N, K]} as the model's likelihoods give them.
        log_ratio: log p(z) - log q(z | given) [N, K].
        mean: of the posterior [N, D].
        kl: KL(q(z | given) || N(0, I)) per dimension [N, D], nats.
    """

    losses: dict
    log_ratio: np.ndarray
    mean: np.ndarray
    kl: np.ndarray


def evaluate(session, test, train, resampling, draws):
    """({name: Estimate}, {"latent_kl_per_dimension": [D], "image_scale": float}) of a model.

    `test` and `train` are `Split`s; `draws` is K.
    """
    specs = session.config.model.modalities
    terms, seed = compiled(session, draws), resampling.seed
    known = train.take(evenly(len(train), _FITTED_ON))
    fitted = draw(terms, session, known, tuple(specs), seed)
    scales = {name: float(np.mean(loss)) for name, loss in fitted.losses.items()}
    sources = {"joint": tuple(specs)} | {name: (name,) for name in specs}
    found, values = {}, {}
    for source, given in sources.items():
        found[source] = draw(terms, session, test, given, seed)
        likely = log_likelihoods(found[source].losses, session.model.decoders, scales)
        bounds = _bounds(source, given, found[source], likely)
        values |= {name: resampling.mean(value) for name, value in bounds.items()}
    pixels = np.prod(session.modalities["image"].shape)
    values["image_bits_per_dim"] = values["iwae_image"].scaled(-1 / (pixels * np.log(2)))
    values |= _latent(found["joint"], resampling)
    details = {
        "latent_kl_per_dimension": found["joint"].kl.mean(axis=0).tolist(),
        "image_scale": scales["image"],
    }
    return values, details


def compiled(session, count):
    """What `draw` runs for `count` latents a pair; compiled once for every `given`."""
    return jax.jit(functools.partial(_terms, session.model, count))


def draw(terms, session, pairs, given, seed):
    """Draws for each pair of a `Split`, given modalities named in `given`; `terms`: `compiled`."""
    images_and_ids = {"image": pairs.images, "caption": pairs.ids}
    batch = {name: images_and_ids[name] for name in session.config.model.modalities}
    shown = {name: np.full(len(pairs), name in given) for name in batch}
    rows = np.arange(len(pairs), dtype=np.uint32)
    run = functools.partial(terms, session.params, jax.random.key(seed))
    return Draws(*in_batches(run, batch, shown, rows))


def log_likelihoods(losses, decoders, scales):
    """{modality: log p(x | z) [N, K]} in nats from what the model's likelihoods lose."""
    likely = {}
    for name, loss in losses.items():
        likelihood = getattr(decoders[name], "likelihood", None)
        likely[name] = -loss
        if likelihood:
            likely[name] = log_prob(loss, likelihood, decoders[name].shape, scales[name])
    return likely


def elbo(log_likelihood, kl):
    """Evidence lower bound [N] of log p(x | z) [N, K] and the KL [N, D], nats."""
    return log_likelihood.mean(axis=1) - kl.sum(axis=1)


def importance_bound(log_weights):
    """log of the mean weight [N] of log-weights [N, K] (Burda et al. 2016, equation 8)."""
    return logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])


def effective_draws(log_weights):
    """(sum w)^2 / sum w^2 [N]: how many of the K draws carry the bound. 1: it is loose."""
    return np.exp(2 * logsumexp(log_weights, axis=1) - logsumexp(2 * log_weights, axis=1))


def _bounds(source, given, draws, likely):
    """{name: [N]} of one posterior: bounds of what it saw, likelihoods of what it did not."""
    own = sum(likely[name] for name in given)
    values = {
        f"elbo_{source}": elbo(own, draws.kl),
        f"iwae_{source}": importance_bound(own + draws.log_ratio),
    }
    if source == "joint":
        values["iwae_effective_draws"] = effective_draws(own + draws.log_ratio)
    for name in likely.keys() - set(given):
        values[f"log_likelihood_{name}_from_{source}"] = importance_bound(likely[name])
    return values


def _latent(draws, resampling):
    """KL of the joint posterior and active units (Burda et al. 2016, section 5.2)."""

    def active(weights):
        share = weights / weights.sum()
        moments = {"_posterior_mean": share @ draws.mean}
        moments["_posterior_mean_square"] = share @ np.square(draws.mean)
        return derive(moments)["latent_active_units"]

    return {
        "latent_kl": resampling.mean(draws.kl.sum(axis=1)),
        "latent_active_units": resampling.statistic(active, len(draws.mean)),
    }


def _terms(model, count, params, key, batch, shown, rows):
    """The fields of Draws for a batch; row i's noise depends on its number alone."""
    bound = model.bind({"params": params})
    posterior = bound.infer(batch, shown)
    prior = gaussian.standard(posterior.mean.shape)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)

    def one(index):
        z = posterior.sample(jax.vmap(jax.random.fold_in, (0, None))(keys, index))
        losses = {name: decoded.loss for name, decoded in bound.reconstruct(z, batch).items()}
        return losses, prior.log_prob(z) - posterior.log_prob(z)

    losses, log_ratio = jax.lax.map(one, jnp.arange(count))
    losses = {name: loss.T for name, loss in losses.items()}
    return losses, log_ratio.T, posterior.mean, posterior.kl_per_dimension()
