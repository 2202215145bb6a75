"""Metrics as (sum, count) pairs merged on the host.

Imports neither JAX nor TensorFlow, so that reports and tests start fast.
"""

from typing import NamedTuple

import numpy as np

_ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, section 5.2


class Metric(NamedTuple):
    """One measured quantity as a sum over `count` items; a pytree, so a step can return it.

    Attributes:
        total: sum over the items, a scalar, or a vector [D] for a name that starts with "_".
        count: number of items (pictures, tokens, steps), a scalar or [1].
    """

    total: object
    count: object

    @property
    def mean(self):
        """total / count; only for a count above 0."""
        return self.total / self.count


class Aggregator:
    """Adds up metrics over batches in float64: exact means, whatever the batch sizes."""

    def __init__(self):
        self._sums = {}

    def add(self, metrics):
        """Add {name: (total, count)}; fetch device values first (`jax.device_get`)."""
        for name, (total, count) in metrics.items():
            before = self._sums.get(name, Metric(0.0, 0.0))
            self._sums[name] = Metric(
                before.total + np.asarray(total, np.float64),
                before.count + np.asarray(count, np.float64),
            )

    def merge(self, other):
        """Add everything that another Aggregator has collected."""
        self.add(other._sums)

    def result(self):
        """Means {name: float, or array [D] for "_" names}; what counted nothing is left out."""
        means = {name: metric.mean for name, metric in self._sums.items() if np.all(metric.count)}
        return {name: mean if np.ndim(mean) else float(mean) for name, mean in means.items()}

    def reset(self):
        """Forget everything."""
        self._sums.clear()


def derive(result):
    """The numbers {name: float} to log: those of `result`, and what only merged means can give.

    Each value below is added where its sources are present; the vectors ("_" names) are dropped.
    """
    values = {name: value for name, value in result.items() if not name.startswith("_")}
    with np.errstate(over="ignore", divide="ignore"):
        if "loss_caption" in result:  # nats per token
            values["caption_perplexity"] = float(np.exp(result["loss_caption"]))
        if "image_mse" in result:  # pixels in [-1, 1]: the peak is 2
            values["image_psnr"] = float(10 * np.log10(np.divide(4, result["image_mse"])))
    if "_posterior_kl" in result:  # nats per dimension
        values["latent_kl"] = float(np.sum(result["_posterior_kl"]))
    if "_posterior_mean" in result:
        variance = result["_posterior_mean_square"] - np.square(result["_posterior_mean"])
        values["latent_active_units"] = float(np.sum(variance > _ACTIVE_VARIANCE))
    return values
