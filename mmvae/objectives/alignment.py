"""Alignment of unimodal posteriors: one loss over every pair of modalities that a row has."""

from collections.abc import Callable
from itertools import combinations

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from mmvae.machine.parallel import AXIS
from mmvae.models import gaussian
from mmvae.models.mmvae import MMVAE, Experts, Present
from mmvae.objectives.terms import global_mean


def align(
    kind: str, model: MMVAE, experts: Experts, present: Present
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(mean over all pairs of modalities of an alignment loss, this device's count of pairs).

    `kind` is a key of ALIGNMENTS. A row counts for the pairs of which it has both.
    """
    losses, counts = [], []
    for left, right in combinations(sorted(present), 2):
        both = present[left] & present[right]
        losses.append(ALIGNMENTS[kind](model, experts, left, right, both))
        counts.append(jnp.sum(both.astype(jnp.float32)))
    if not losses:
        return jnp.float32(0.0), jnp.float32(0.0)
    return sum(losses) / len(losses), sum(counts)


def sigmoid_contrast(
    model: MMVAE, experts: Experts, left: str, right: str, both: Bool[Array, " B"]
) -> Float[Array, ""]:
    """Pairwise sigmoid loss over the whole batch of all devices (Zhai et al. 2023, SigLIP)."""
    vectors = model.project({name: experts[name] for name in (left, right)})
    every, shown = lax.all_gather((vectors[right], both), AXIS, tiled=True)
    rows = lax.axis_index(AXIS) * len(both) + jnp.arange(len(both))
    label = 2.0 * (rows[:, None] == jnp.arange(len(shown))[None, :]) - 1.0
    loss = -jax.nn.log_sigmoid(label * model.alignment_logits(vectors[left], every))
    return global_mean(both * (loss @ shown), both)


def cosine_distance(
    model: MMVAE, experts: Experts, left: str, right: str, both: Bool[Array, " B"]
) -> Float[Array, ""]:
    """1 - cosine of the projected unimodal means of a pair."""
    vectors = model.project({name: experts[name] for name in (left, right)})
    return global_mean(both * (1.0 - jnp.sum(vectors[left] * vectors[right], axis=-1)), both)


def symmetric_kl(
    model: MMVAE, experts: Experts, left: str, right: str, both: Bool[Array, " B"]
) -> Float[Array, ""]:
    """(KL(q_a || q_b) + KL(q_b || q_a)) / 2 of a pair's posteriors, mean over D."""
    a, b = experts[left], experts[right]
    return global_mean(both * jnp.mean(gaussian.kl(a, b) + gaussian.kl(b, a), axis=-1) / 2, both)


ALIGNMENTS: dict[str, Callable] = {
    "siglip": sigmoid_contrast,
    "cosine": cosine_distance,
    "symmetric_kl": symmetric_kl,
}
