"""How fast: the train step, the device's matrix products, the input pipeline. No TensorFlow.

Times are taken on the host's clock, always after a result has arrived. Rates are in
floating-point operations a second, over all devices.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from mmvae.data.modalities import Modality, random_batch
from mmvae.inference.session import Session
from mmvae.machine import parallel
from mmvae.machine.throughput import Throughput
from mmvae.training.program import Program

WARM_UP = 2  # steps before the clock starts
_BATCHES = 4  # distinct random ones, used in turn
_BACKEND_COMPILE = "/jax/core/compile/backend_compile_duration"


class Spread(NamedTuple):
    """Times in seconds: median, quartiles, and how many were taken."""

    median: float
    lower: float
    upper: float
    count: int


def spread(times: Sequence[float]) -> Spread:
    """Spread of a sequence of seconds."""
    lower, median, upper = np.percentile(times, (25, 50, 75))
    return Spread(float(median), float(lower), float(upper), len(times))


def random_batches(
    modalities: Mapping[str, Modality], rows: int, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Endless batches of noise, `rows` rows each."""
    rng = np.random.default_rng(seed)
    batches = [random_batch(modalities, rng, rows) for _ in range(_BATCHES)]
    while True:
        yield from batches


class Stepper:
    """A train step with its state, driven as training drives it.

    One step is always under way while the host waits for the one before, so that the device
    never waits for the host. `advance` costs as long as a step, once two have been given.
    """

    def __init__(self, program: Program, train_step: Callable | None = None) -> None:
        self.state = parallel.place(program.initial_state())
        self.train_step = train_step or program.train_step()
        self._pending = None

    def advance(self, batch: dict) -> None:
        """Start a step on `batch` (on the devices) and wait for the one before it."""
        before = self._pending
        self.state, self._pending = self.train_step(self.state, batch)
        jax.block_until_ready(before)

    def finish(self) -> None:
        """Wait for the step under way."""
        jax.block_until_ready(self._pending)


class First(NamedTuple):
    """Seconds of tracing, compiling and running: the first state on all devices, a first step."""

    state: float
    step: float


def first_seconds(program: Program, batch: dict, train_step: Callable) -> First:
    """What a program that was never run, and a step of it, take until their answers are there."""
    begun = time.perf_counter()
    stepper = Stepper(program, train_step)
    jax.block_until_ready(stepper.state)
    start = time.perf_counter()
    stepper.advance(batch)
    stepper.finish()
    return First(start - begun, time.perf_counter() - start)


def step_times(stepper: Stepper, batches: Iterator[dict], seconds: float) -> list[float]:
    """Seconds of each train step for about `seconds` (at least 3 steps), on `batches` in turn."""
    held = [next(batches) for _ in range(_BATCHES)]  # on the devices: the step alone
    for index in range(WARM_UP):
        stepper.advance(held[index % _BATCHES])
    times, start = [], time.perf_counter()
    last = start
    while last - start < seconds or len(times) < 3:
        stepper.advance(held[len(times) % _BATCHES])
        now = time.perf_counter()
        times.append(now - last)
        last = now
    stepper.finish()
    return times


def together(
    stepper: Stepper, batches: Iterator[dict], images: int, seconds: float
) -> dict[str, float]:
    """Rates (`Throughput.run`) of training fed by `batches` of `images` pairs each.

    `data_wait_percent` is the share of time spent waiting for the next batch.
    """
    for _ in range(WARM_UP):
        stepper.advance(next(batches))
    clock, start = Throughput(), time.perf_counter()
    clock.step(images)
    steps = 0
    while time.perf_counter() - start < seconds or steps < 3:
        with clock.waiting():
            batch = next(batches)
        stepper.advance(batch)
        clock.step(images)
        steps += 1
    return clock.run()


def pipeline_rate(batches: Iterator[dict], images: int, seconds: float) -> float:
    """Pairs a second that `batches` of `images` pairs each arrive at when nothing else runs."""
    # What was prefetched before the clock starts would count as speed.
    for _ in range(WARM_UP):
        next(batches)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or count < 3:
        next(batches)
        count += 1
    return count * images / (time.perf_counter() - start)


@contextmanager
def empty_cache() -> Iterator[None]:
    """XLA's cache of compiled programs is in here empty, and the user's own left alone."""
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    with tempfile.TemporaryDirectory() as directory:
        _configure(dict(zip(names, (directory, 0.0, -1), strict=True)))
        try:
            yield
        finally:
            _configure(before)


def _configure(settings):
    for name, value in settings.items():
        jax.config.update(name, value)
    # JAX looks at the settings of its cache only once.
    compilation_cache.reset_cache()


@contextmanager
def compilations() -> Iterator[list[float]]:
    """A list that collects the seconds of every XLA compilation in here."""
    durations = []

    def listen(event, duration, **_):
        if event == _BACKEND_COMPILE:
            durations.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield durations
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def generation_times(session: Session, pairs: int, seconds: float) -> list[float]:
    """Seconds of each `session.generate(pairs)` after one to warm up, for about `seconds`."""
    session.generate(pairs)
    taken, begun = [], time.perf_counter()
    while not taken or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        session.generate(pairs, seed=len(taken))
        taken.append(time.perf_counter() - start)
    return taken
