"""Rates of a run, and gauges of its machine."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil


class _Tally(NamedTuple):
    seconds: float
    waited: float
    steps: int
    images: int


class Throughput:
    """Speed of training over the latest window and over the run, on a clock that can stop.

    The first step only starts the measurement: it compiles. `now` returns seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._stopped_at = None
        self._stopped = self._waited = 0.0
        self._steps = self._images = 0
        self._run_start = self._window_start = None

    def step(self, images: int) -> None:
        """Count one finished training step of `images` pictures over all devices."""
        if self._run_start is None:
            self._run_start = self._window_start = self._tally()
            return
        self._steps += 1
        self._images += images

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time spent in here is waiting for data."""
        start = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
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

    def window(self) -> dict[str, float]:
        """Rates since the last call of `window`, as `run` gives them; starts a new window."""
        rates = self._rates(self._window_start)
        if rates:
            self._window_start = self._tally()
        return rates

    def run(self) -> dict[str, float]:
        """Rates over this process: `images_per_second`, `step_seconds`, `data_wait_percent`.

        Empty until the second step is counted.
        """
        return self._rates(self._run_start)

    def eta_seconds(self, steps_left: int) -> float | None:
        """Seconds of training left at the pace of the run, pauses not counted; None if unknown."""
        rates = self.run()
        return rates["step_seconds"] * steps_left if rates else None

    def _clock(self) -> float:
        now = self._now() if self._stopped_at is None else self._stopped_at
        return now - self._stopped

    def _tally(self) -> _Tally:
        return _Tally(self._clock(), self._waited, self._steps, self._images)

    def _rates(self, start: _Tally | None) -> dict[str, float]:
        end = self._tally()
        if start is None or end.steps == start.steps or end.seconds <= start.seconds:
            return {}
        seconds = end.seconds - start.seconds
        return {
            "images_per_second": (end.images - start.images) / seconds,
            "step_seconds": seconds / (end.steps - start.steps),
            "data_wait_percent": 100 * (end.waited - start.waited) / seconds,
        }


class Start:
    """Seconds of this process up to its first step, by part. `now` returns Unix time."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._begun = self._last = psutil.Process().create_time()
        self._parts = {}

    def reached(self, part: str) -> None:
        """What took the time since the part before is over."""
        now = self._now()
        self._parts[part] = now - self._last
        self._last = now

    def told(self) -> str:
        """All parts in one line."""
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in self._parts.items())
        return f"{self._last - self._begun:.1f} s after the process began: {parts}"


def system_gauges() -> dict[str, float]:
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
