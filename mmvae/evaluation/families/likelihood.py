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
from scipy.special import gammaln, logsumexp

from mmvae.evaluation.split import evenly
from mmvae.inference.fixed_batches import in_batches
from mmvae.models import gaussian, image
from mmvae.models.mmvae import MMVAE, MODALITIES
from mmvae.objectives.aggregation import derive

_FITTED_ON = 256  # training pairs that the picture's scale is fitted on
_BYTE = 2 / 255  # width of a pixel value on [-1, 1]
# Half the log-determinants, a pixel, of the multiscale error and the Student t's as quadratic
# forms. Each 4x4 block has the eigenvalues 5 for its mean and 15 times 1; and 9 for its mean,
# 3 times 5 for the other means of its 2x2 blocks, 12 times 1.
_MULTISCALE = 0.5 * np.log(5) / 16
_STUDENT = 0.5 * (np.log(9) + 3 * np.log(5)) / 16


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
        likely = log_likelihoods(found[source].losses, specs, session.shapes, scales)
        bounds = _bounds(source, given, found[source], likely)
        values |= {name: resampling.mean(value) for name, value in bounds.items()}
    pixels = np.prod(session.shapes["image"])
    values["image_bits_per_dim"] = values["iwae_image"].scaled(-1 / (pixels * np.log(2)))
    values |= _latent(found["joint"], resampling)
    details = {
        "latent_kl_per_dimension": found["joint"].kl.mean(axis=0).tolist(),
        "image_scale": scales["image"],
    }
    return values, details


def compiled(session, count):
    """What `draw` runs for `count` latents a pair; compiled once for every `given`."""
    specs = session.config.model.modalities
    return jax.jit(functools.partial(_terms, session.model, specs, count))


def draw(terms, session, pairs, given, seed):
    """Draws for each pair of a `Split`, given modalities named in `given`; `terms`: `compiled`."""
    images_and_ids = {"image": pairs.images, "caption": pairs.ids}
    batch = {name: images_and_ids[name] for name in session.config.model.modalities}
    shown = {name: np.full(len(pairs), name in given) for name in batch}
    rows = np.arange(len(pairs), dtype=np.uint32)
    run = functools.partial(terms, session.params, jax.random.key(seed))
    return Draws(*in_batches(run, batch, shown, rows))


def log_likelihoods(losses, specs, shapes, scales):
    """{modality: log p(x | z) [N, K]} in nats from what the model's likelihoods lose."""
    likely = {}
    for name, loss in losses.items():
        if specs[name].kind == "image":
            likely[name] = image_log_likelihood(
                loss, specs[name].likelihood, shapes[name], scales[name]
            )
        else:
            likely[name] = -loss
    return likely


def image_log_likelihood(loss, kind, shape, scale):
    """Log-probability in nats of 8-bit pictures of shape (H, W, C) that lose `loss`.

    `scale` is the mean loss, which is the likeliest variance (or Laplace scale); a Student t
    has none.
    """
    pixels = np.prod(shape)
    return -pixels * _CODE_LENGTHS[kind](loss, scale, pixels) + pixels * np.log(_BYTE)


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


def _terms(model, specs, count, params, key, batch, shown, rows):
    """The fields of Draws for a batch; row i's noise depends on its number alone."""
    apply = lambda method, *args: model.apply({"params": params}, *args, method=method)
    posterior = apply(MMVAE.fuse, apply(MMVAE.encode, batch), shown)
    prior = gaussian.standard(posterior.mean.shape)
    teachers = {name: MODALITIES[spec.kind].teacher(batch[name]) for name, spec in specs.items()}
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)

    def one(index):
        own = jax.vmap(jax.random.fold_in, (0, None))(keys, index)
        z = jax.vmap(gaussian.sample)(posterior, own)
        losses = {
            name: MODALITIES[specs[name].kind].negative_log_likelihood(
                output, batch[name], specs[name]
            )[0]
            for name, output in apply(MMVAE.decode, z, teachers).items()
        }
        return losses, gaussian.log_prob(prior, z) - gaussian.log_prob(posterior, z)

    losses, log_ratio = jax.lax.map(one, jnp.arange(count))
    losses = {name: loss.T for name, loss in losses.items()}
    return losses, log_ratio.T, posterior.mean, gaussian.kl(posterior, prior)


def _gaussian(loss, scale, pixels):
    """Nats a pixel of a Gaussian of variance `scale` that is `loss` off in mean square."""
    return 0.5 * (loss / scale + np.log(2 * np.pi * scale))


def _multiscale(loss, scale, pixels):
    """As `_gaussian`, but means of 4x4 blocks are 5 times as precise as the rest."""
    return _gaussian(loss, scale, pixels) - _MULTISCALE


def _student(loss, scale, pixels):
    """Nats a pixel of the Student t of one degree of freedom that `loss` is half the log of."""
    width = 0.5 * np.log(np.pi * pixels * image.FAINT) - _STUDENT
    return ((1 + pixels) * loss - gammaln((1 + pixels) / 2) + gammaln(0.5)) / pixels + width


def _laplace(loss, scale, pixels):
    """Nats a pixel of a Laplace density of scale `scale` that is `loss` off in the mean."""
    return loss / scale + np.log(2 * scale)


_CODE_LENGTHS = {
    "gaussian": _gaussian,
    "laplace": _laplace,
    "multiscale": _multiscale,
    "student": _student,
}
