"""What evaluation counts: pure, for one device of many."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from ml_collections import ConfigDict

from mmvae.machine.parallel import AXIS
from mmvae.models.mmvae import MMVAE
from mmvae.objectives.alignment import align
from mmvae.objectives.metrics import (
    cross_metrics,
    latent_metrics,
    reconstruction_metrics,
    z_gaps,
)
from mmvae.objectives.prior import flow_matching
from mmvae.objectives.terms import Batch, Keys, Metrics, inputs_of, present_in, row_keys


def eval_step(model: MMVAE, config: ConfigDict) -> Callable:
    """step(params, batch) -> metrics {name: (sum, count)} over all devices."""

    def step(params, batch):
        keys = row_keys(jax.random.key(config.seed), len(batch["mask"]))
        bound = model.bind({"params": params})
        return lax.psum(eval_metrics(bound, batch, keys, config.loss), AXIS)

    return step


def eval_metrics(model: MMVAE, batch: Batch, keys: Keys, loss: ConfigDict) -> Metrics:
    """Metrics of a padded batch, of a bound model: every row shows all it has, and each alone.

    Names that end in `_from_m` are of the other modalities given only m. `<name>_z_gap` is the
    loss with another row's latent minus that with its own.
    """
    inputs, present, mask = inputs_of(batch), present_in(batch), batch["mask"]
    experts = model.encode(inputs)
    posterior = model.fuse(experts, present)
    z = posterior.sample(keys(1))
    decoded = model.reconstruct(z, inputs)
    metrics = reconstruction_metrics(decoded, present)
    metrics |= z_gaps(model, z, decoded, batch, present)
    for name in inputs:
        metrics |= cross_metrics(model, experts, name, batch, present)

    flow = flow_matching(model, experts, posterior, present, keys(3))
    alignment, pairs = align(loss.alignment, model, experts, present)
    metrics |= latent_metrics(posterior, z, mask)
    return metrics | {
        "loss_prior": (jnp.sum(flow * mask), jnp.sum(mask.astype(jnp.float32))),
        # A contrast is a property of its batch, the mean over devices: batches count by pairs.
        "loss_alignment": (alignment * lax.pmean(pairs, AXIS), pairs),
    }
