"""What objectives share: rows, their keys, means over all devices, weights.

Every term is a sum over this device's rows divided by a count over all devices, so that the mean
of the devices' gradients is the gradient of the whole batch's loss. Noise is keyed by a row's
place in the whole batch, so the number of devices changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped
from ml_collections import ConfigDict

from mmvae.machine.parallel import AXIS
from mmvae.models.fusion import Posterior

Batch = Mapping[str, Any]
Metrics = dict[str, tuple[Array, Array]]


@dataclass(frozen=True)
class Settings:
    """What an objective is told.

    Attributes:
        loss: `config.loss`.
        kl_weight: of this step, warmed up.
        pairs: whether batches have a fixed share of pairs, by which they are then measured.
        objective: `config.objective`; the default objective needs none of it.
        nats: that a total of 1 stands for, where log-densities are weighed against each other.
    """

    loss: ConfigDict
    kl_weight: Float[Array, ""]
    pairs: bool = False
    objective: ConfigDict | None = None
    nats: float = 1.0


@dataclass(frozen=True)
class Keys:
    """The randomness of a batch: keys(stream) are keys [B], by a row's place in the whole batch.

    Another object with these methods fixes what is random.
    """

    key: Key[Array, ""]
    rows: Int[Array, " B"]

    def __call__(self, stream: int) -> Key[Array, " B"]:
        """A key for each row."""
        return jax.vmap(jax.random.fold_in, (None, 0))(
            jax.random.fold_in(self.key, stream), self.rows
        )

    def sample(self, q: Posterior, stream: int) -> Float[Array, "B D"]:
        """A reparametrised sample of each row."""
        return q.sample(self(stream))

    def samples(self, q: Posterior, stream: int, count: int) -> Float[Array, "K B D"]:
        """`count` samples of each row."""
        keys = jax.vmap(lambda k: jax.vmap(jax.random.fold_in, (0, None))(self(stream), k))
        return jax.vmap(q.sample)(keys(jnp.arange(count)))

    def choose(self, log_odds: Float[Array, "B N"], stream: int) -> Int[Array, " B"]:
        """One of N for each row."""
        return jax.vmap(jax.random.categorical)(self(stream), log_odds)


def row_keys(key: Key[Array, ""], count: int) -> Keys:
    """Keys of this device's `count` rows."""
    return Keys(key, lax.axis_index(AXIS) * count + jnp.arange(count))


def inputs_of(batch: Batch) -> dict[str, Shaped[Array, "B ..."]]:
    """{name: data [B, ...]} of the modalities of a batch."""
    return {name: batch[name] for name in batch["present"]}


def present_in(batch: Batch) -> dict[str, Bool[Array, " B"]]:
    """Which rows have which modality; padding rows have none."""
    return {name: shown & batch["mask"] for name, shown in batch["present"].items()}


def measured_rows(
    present: Mapping[str, Bool[Array, " B"]], mask: Bool[Array, " B"], settings: Settings
) -> Bool[Array, " B"]:
    """Rows that the latent's statistics and the prior count: pairs, where batches have a share of
    them, else all. The latent of a caption alone is another one than that of a pair."""
    return jnp.all(jnp.stack(list(present.values())), axis=0) if settings.pairs else mask


def global_mean(
    totals: Float[Array, "*B"], counts: Float[Array, "*B"], axis: int | None = None
) -> Float[Array, "*D"]:
    """This device's share of sum(totals) / sum(counts): its mean over devices is the mean."""
    count = lax.pmean(lax.stop_gradient(jnp.sum(counts)), AXIS)
    return jnp.sum(totals, axis=axis) / jnp.maximum(count, 1e-6)


def mean_over_all(totals: Float[Array, " B"], counts: Float[Array, " B"]) -> Float[Array, ""]:
    """sum(totals) / sum(counts) over all devices, as a constant."""
    totals, counts = lax.psum(lax.stop_gradient((jnp.sum(totals), jnp.sum(counts))), AXIS)
    return totals / jnp.maximum(counts, 1e-6)


def kl_term(
    posterior: Posterior, mask: Bool[Array, " B"], free_bits: float, keys: Key[Array, " B"]
) -> Float[Array, ""]:
    """KL to N(0, I) in nats: the mean over rows, summed over dimensions where it is closed.

    A dimension costs nothing while its mean stays below `free_bits` (Kingma et al. 2016,
    appendix C.8); an estimate, which has no dimensions, counts as one.
    """
    divergence = posterior.kl(keys)
    divergence = divergence.reshape(len(mask), -1)
    mean = global_mean(mask[:, None] * divergence, mask, axis=0)
    costly = lax.pmean(lax.stop_gradient(mean), AXIS) > free_bits
    return jnp.sum(jnp.where(costly, mean, free_bits))


def weighted(terms: Mapping[str, Float[Array, ""]], settings: Settings) -> Float[Array, ""]:
    """Total of the terms, with the weights of the config and the warmed-up one of the KL."""
    weights = settings.loss.weights
    weight = lambda name: settings.kl_weight if name == "kl" else weights[name]
    return sum(weight(name) * term for name, term in terms.items())
