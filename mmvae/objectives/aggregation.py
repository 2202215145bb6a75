"""Metrics as (sum, count) pairs merged on the host.

Imports neither JAX nor TensorFlow, so that reports and tests start fast.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from mmvae.data.modalities import Modality

_ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, section 5.2


class Metric(NamedTuple):
    """One measured quantity as a sum over `count` items; a pytree, so a step can return it.

    Attributes:
        total: sum over the items, a scalar, or a vector [D] for a name that starts with "_".
        count: number of items (pictures, tokens, steps), a scalar or [1].
    """

    total: Any
    count: Any

    @property
    def mean(self) -> Any:
        """total / count; only for a count above 0."""
        return self.total / self.count


class Aggregator:
    """Adds up metrics over batches in float64: exact means, whatever the batch sizes."""

    def __init__(self) -> None:
        self._sums = {}

    def add(self, metrics: Mapping[str, tuple[Any, Any]]) -> None:
        """Add {name: (total, count)}; fetch device values first (`jax.device_get`)."""
        for name, (total, count) in metrics.items():
            before = self._sums.get(name, Metric(0.0, 0.0))
            self._sums[name] = Metric(
                before.total + np.asarray(total, np.float64),
                before.count + np.asarray(count, np.float64),
            )

    def result(self) -> dict[str, Any]:
        """Means {name: float, or array [D] for "_" names}; what counted nothing is left out."""
        means = {name: metric.mean for name, metric in self._sums.items() if np.all(metric.count)}
        return {name: mean if np.ndim(mean) else float(mean) for name, mean in means.items()}

    def reset(self) -> None:
        """Forget everything."""
        self._sums.clear()


def derive(
    result: Mapping[str, Any], modalities: Mapping[str, Modality] = MappingProxyType({})
) -> dict[str, float]:
    """The numbers to log: those of `result`, and what only merged means can give.

    Each value below is added where its sources are present; the vectors ("_" names) are dropped.
    """
    values = {name: value for name, value in result.items() if not name.startswith("_")}
    for name, modality in modalities.items():
        own = {n.removeprefix(f"{name}_"): v for n, v in result.items() if n.startswith(f"{name}_")}
        own |= {"loss": result[f"loss_{name}"]} if f"loss_{name}" in result else {}
        values |= {f"{name}_{metric}": value for metric, value in modality.derived(own).items()}
    if "_posterior_kl" in result:  # nats per dimension
        values["latent_kl"] = float(np.sum(result["_posterior_kl"]))
    if "_posterior_mean" in result:
        variance = result["_posterior_mean_square"] - np.square(result["_posterior_mean"])
        values["latent_active_units"] = float(np.sum(variance > _ACTIVE_VARIANCE))
    return values
