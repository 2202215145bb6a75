"""The whole measurement: the train step, generation, matrix products, the input pipeline."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
from ml_collections import ConfigDict

from mmvae.data import modalities
from mmvae.data.directory import TOKENIZER, read_card
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError
from mmvae.inference.session import Session
from mmvae.machine import devices
from mmvae.machine.startup import start_up
from mmvae.performance import profile, speed
from mmvae.training import checks
from mmvae.training.program import Program, on_devices

_TOTAL_STEPS = 10_000  # of the schedules; they cost the same at any length
_MATMUL_SECONDS = 2.0
_PAIRS = 16  # of a call of generate


def measure(
    config: ConfigDict, seconds: float, vocab_size: int, directory: str | None = None
) -> dict[str, Any]:
    """Everything that is measured, as a dict for JSON; docs/performance.md names its entries.

    Args:
        config: a complete configuration.
        seconds: how long each of the steps, the pipeline and the two together are timed.
        vocab_size: of the captions when no data set tells.
        directory: a prepared data set, or None for the step alone.

    Raises:
        UserError: the config cannot work here, no such data set, or too little memory.
    """
    start_up(multihost=False)
    checks.validate(config, jax.device_count())
    data = _Data(directory, config) if directory else None
    # Without a data set there is nothing to spell tokens with; their number is what costs.
    spelled = lambda ids: [""] * len(ids)
    nameless = SimpleNamespace(vocab_size=vocab_size, decode=spelled)
    vocabulary = data.tokenizer if data else nameless
    try:
        with speed.empty_cache():
            return _measure(config, vocabulary, data, seconds)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            f"config.train.batch_size={config.train.batch_size} does not fit the device's memory; "
            f"type --config.train.batch_size={max(1, config.train.batch_size // 2)}, or raise "
            f"--config.train.accumulate_steps."
        ) from error


def profiled(config: ConfigDict, vocab_size: int, folder: Path) -> dict[str, float]:
    """{part: seconds of a step}, as `profile.profile` tells; the trace is written to `folder`.

    Raises:
        UserError: the config cannot work here, or the machine's profiler tells nothing.
    """
    start_up(multihost=False)
    checks.validate(config, jax.device_count())
    kinds = modalities.of_run(config, SimpleNamespace(vocab_size=vocab_size))
    noise = speed.random_batches(kinds, config.train.batch_size, config.seed)
    _note(f"compiling the train step, then {profile.STEPS} steps")
    return profile.profile(Program(config, kinds, _TOTAL_STEPS), on_devices(noise), folder)


class _Data:
    """The training pairs of a data set; the only part that needs TensorFlow."""

    def __init__(self, directory, config):
        try:
            from mmvae.data import batches as data
            from mmvae.data import records
        except ImportError as error:
            raise UserError(
                f"--data needs TensorFlow ({error}); install requirements.txt, or leave --data "
                f"out to measure the step alone."
            ) from error
        data.hide_accelerators()
        self.records, self.config = records.read(Path(directory), "train"), config
        checks.check_against_card(config, read_card(Path(directory)))
        self.tokenizer = Tokenizer(Path(directory) / TOKENIZER)
        data.steps_per_epoch(len(self.records), config.train.batch_size)
        self._train_batches = data.train_batches

    def batches(self) -> Iterator[dict]:
        """Endless training batches in the host's memory."""
        config, size = self.config, self.config.train.batch_size
        kinds = modalities.of_run(config, self.tokenizer)
        return self._train_batches(
            self.records,
            kinds,
            config.seed,
            size,
            0,
            config.data.augment,
            shares=config.data.shares,
        )


def _note(phase):
    """Tell what is being measured, beside the table on stdout."""
    print(f"{phase} ...", file=sys.stderr, flush=True)


def _measure(config, vocabulary, data, seconds):
    program = Program(config, modalities.of_run(config, vocabulary), _TOTAL_STEPS)
    noise = speed.random_batches(program.modalities, config.train.batch_size, config.seed)
    batches = on_devices(noise)
    _note("compiling the train step twice")
    train_step, first, state = _first_steps(program, next(batches))
    stepper = speed.Stepper(program, train_step)
    _note("train step")
    with speed.compilations() as compiled:
        times = speed.spread(speed.step_times(stepper, batches, seconds))
    # Read before the matrix products, which need memory of their own.
    peak, where = devices.peak_memory()
    _note("generation")
    generation = speed.spread(
        speed.generation_times(_session(program, stepper, vocabulary), _PAIRS, seconds)
    )
    _note("matrix products")
    products = _products(config.model.dtype)
    result = {
        "config": config.name,
        "devices": devices.devices(),
        "work": _described(program, stepper.state.params),
        "dtype": config.model.dtype,
        "batch_size": config.train.batch_size,
        "step": _rated(times, program, stepper, products[config.model.dtype]),
        "matmul": products,
        "memory": {"peak_bytes": peak, "of": where},
        "first_step": first,
        "first_state": state,
        "generation": {"pairs": _PAIRS, "seconds": generation.median, "count": generation.count},
        "recompilations": len(compiled),
    }
    return result | (_with_data(data, stepper, times, seconds) if data else {})


def _session(program, stepper, vocabulary):
    return Session(program.config, jax.device_put(jax.device_get(stepper.state.params)), vocabulary)


def _first_steps(program, batch):
    """A compiled train step, and the seconds of first ones with both kinds of cache."""
    cold = speed.first_seconds(program, batch, program.train_step())
    jax.clear_caches()  # those in memory: a second process starts without them
    program = Program(program.config, program.modalities, _TOTAL_STEPS)
    train_step = program.train_step()
    warm = speed.first_seconds(program, batch, train_step)
    step = {"cold_seconds": cold.step, "warm_seconds": warm.step}
    return train_step, step, {"cold_seconds": cold.state, "warm_seconds": warm.state}


def _products(dtype):
    products = {}
    for name in dict.fromkeys((dtype, "float32")):
        rate, size = devices.matmul_peak(name, _MATMUL_SECONDS)
        products[name] = {"flops_per_second": rate, "size": size}
    return products


def _rated(times, program, stepper, product):
    flops = program.step_flops()
    rate = flops / times.median
    return {
        "seconds": times.median,
        "lower": times.lower,
        "upper": times.upper,
        "count": times.count,
        "images_per_second": program.config.train.batch_size / times.median,
        "flops": flops,
        "flops_per_second": rate,
        "mfu_percent": 100 * rate / product["flops_per_second"],
    }


def _with_data(data, stepper, alone, seconds):
    images = data.config.train.batch_size
    _note("input pipeline, then both together")
    rate = speed.pipeline_rate(data.batches(), images, seconds)
    rates = speed.together(stepper, on_devices(data.batches()), images, seconds)
    slower = 100 * (rates["step_seconds"] / alone.median - 1)
    return {
        "pipeline": {"images_per_second": rate, "pairs": len(data.records)},
        "together": rates | {"slower_percent": slower},
    }


def _described(program, params):
    sizes = " and ".join(modality.describe() for modality in program.modalities.values())
    count = sum(x.size for x in jax.tree.leaves(params))
    return (
        f"{program.config.train.batch_size} pairs of {sizes}, "
        f"{count:,} parameters, {program.config.model.dtype} products"
    )
