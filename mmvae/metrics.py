"""Metrics as (sum, count) pairs merged on the host, the speed of training, system gauges.

Imports neither JAX nor TensorFlow, so that reports and tests start fast.
"""

import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import psutil

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


class _Tally(NamedTuple):
    seconds: float
    waited: float
    steps: int
    images: int


class Throughput:
    """Speed of training over the latest window and over the run, on a clock that can stop.

    The first step only starts the measurement: it compiles. `now` returns seconds.
    """

    def __init__(self, now=time.perf_counter):
        self._now = now
        self._stopped_at = None
        self._stopped = self._waited = 0.0
        self._steps = self._images = 0
        self._run_start = self._window_start = None

    def step(self, images):
        """Count one finished training step of `images` pictures over all devices."""
        if self._run_start is None:
            self._run_start = self._window_start = self._tally()
            return
        self._steps += 1
        self._images += images

    @contextmanager
    def waiting(self):
        """Time spent in here is waiting for data."""
        start = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - start

    @contextmanager
    def paused(self):
        """Time spent in here (evaluation, checkpoints) is not training; may be nested."""
        if self._stopped_at is not None:
            yield
            return
        self._stopped_at = self._now()
        try:
            yield
        finally:
            self._stopped += self._now() - self._stopped_at
            self._stopped_at = None

    def window(self):
        """Rates since the last call of `window`, as `run` gives them; starts a new window."""
        rates = self._rates(self._window_start)
        if rates:
            self._window_start = self._tally()
        return rates

    def run(self):
        """Rates over this process: `images_per_second`, `step_seconds`, `data_wait_percent`.

        Empty until the second step is counted.
        """
        return self._rates(self._run_start)

    def eta_seconds(self, steps_left):
        """Seconds of training left at the pace of the run, pauses not counted; None if unknown."""
        rates = self.run()
        return rates["step_seconds"] * steps_left if rates else None

    def _clock(self):
        now = self._now() if self._stopped_at is None else self._stopped_at
        return now - self._stopped

    def _tally(self):
        return _Tally(self._clock(), self._waited, self._steps, self._images)

    def _rates(self, start):
        end = self._tally()
        if start is None or end.steps == start.steps or end.seconds <= start.seconds:
            return {}
        seconds = end.seconds - start.seconds
        return {
            "images_per_second": (end.images - start.images) / seconds,
            "step_seconds": seconds / (end.steps - start.steps),
            "data_wait_percent": 100 * (end.waited - start.waited) / seconds,
        }


def system_gauges():
    """Percent in use: `cpu_percent` since the last call, `host_memory_percent`, and on a GPU
    `gpu_memory_percent`, the peak so far of what JAX may allocate (the fullest local device).
    """
    gauges = {
        "cpu_percent": psutil.cpu_percent(),
        "host_memory_percent": psutil.virtual_memory().percent,
    }
    # The driver only sees what JAX preallocated, so the allocator itself is asked.
    import jax

    stats = [device.memory_stats() for device in jax.local_devices()]
    known = [s for s in stats if s and s.get("bytes_limit")]  # None on a CPU
    shares = [100 * s["peak_bytes_in_use"] / s["bytes_limit"] for s in known]
    return gauges | ({"gpu_memory_percent": max(shares)} if shares else {})
