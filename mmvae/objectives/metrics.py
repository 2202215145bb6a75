"""Metrics as {name: (sum, count)}: of reconstructions and of the latent."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mmvae.models.decoder import Reconstruction
from mmvae.models.fusion import Posterior
from mmvae.models.mmvae import MMVAE, Experts, Present
from mmvae.objectives.terms import Batch, Metrics, inputs_of


def reconstruction_metrics(decoded: dict[str, Reconstruction], counted: Present) -> Metrics:
    """Losses and metrics of each modality over the rows that `counted` names."""
    metrics = {}
    for name, (loss, units, measured) in decoded.items():
        metrics[f"loss_{name}"] = (jnp.sum(counted[name] * loss), jnp.sum(counted[name] * units))
        for metric, (total, count) in measured.items():
            metrics[f"{name}_{metric}"] = (
                jnp.sum(counted[name] * total),
                jnp.sum(counted[name] * count),
            )
    return metrics


def z_gaps(
    model: MMVAE,
    z: Float[Array, "B D"],
    decoded: dict[str, Reconstruction],
    batch: Batch,
    present: Present,
) -> Metrics:
    """{"<name>_z_gap"}: the loss with another row's latent minus that with its own.

    Near 0 when a decoder ignores the latent.
    """
    rows = jnp.arange(len(z))
    other = jnp.where(rows + 1 < jnp.sum(batch["mask"]), rows + 1, 0)
    with_other = model.reconstruct(z[other], inputs_of(batch))
    metrics = {}
    for name, (own, units, _) in decoded.items():
        counted = present[name] & (other != rows)
        gap = with_other[name].loss - own
        metrics[f"{name}_z_gap"] = (jnp.sum(counted * gap), jnp.sum(counted * units))
    return metrics


def cross_metrics(
    model: MMVAE, experts: Experts, source: str, batch: Batch, present: Present
) -> Metrics:
    """Metrics of every other modality decoded from the mean posterior given `source` alone."""
    alone = {name: shown & (name == source) for name, shown in present.items()}
    z = model.fuse(experts, alone).mean
    counted = {name: s & present[source] for name, s in present.items() if name != source}
    decoded = model.reconstruct(z, {name: batch[name] for name in counted})
    metrics = reconstruction_metrics(decoded, counted)
    return {f"{name}_from_{source}": metric for name, metric in metrics.items()}


def latent_metrics(
    posterior: Posterior, z: Float[Array, "B D"], mask: Bool[Array, " B"]
) -> Metrics:
    """Latent statistics; sums of names with "_" in front are vectors [D]."""
    divergence = posterior.kl_per_dimension()
    scalars = {
        "loss_kl": jnp.sum(divergence, axis=-1),
        "latent_mean": jnp.mean(posterior.mean, axis=-1),
        "latent_std": jnp.mean(posterior.deviation, axis=-1),
        "latent_norm": jnp.linalg.norm(z, axis=-1),
    }
    vectors = {
        "_posterior_mean": posterior.mean,
        "_posterior_mean_square": jnp.square(posterior.mean),
        "_posterior_kl": divergence,
    }
    count = jnp.sum(mask.astype(jnp.float32))
    weigh = lambda values: (jnp.tensordot(mask.astype(jnp.float32), values, 1), count)
    return {name: weigh(values) for name, values in (scalars | vectors).items()}
