"""How fast training is on this machine: `python -m mmvae.benchmark --config FILE`.

Measures the train step on random batches, without TensorFlow and without data on disk, against
the fastest matrix product of the same device; with --data also the input pipeline.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.benchmark --config configs/base.py
  python -m mmvae.benchmark --config configs/base.py --seconds 30 --out speed.json
  python -m mmvae.benchmark --config configs/base.py --data datasets/engravings
  python -m mmvae.benchmark --config configs/base.py --config.train.batch_size=512
"""
_VOCABULARY = 4000
_LEAST_VOCABULARY = 5  # one piece besides the special ones
_TOTAL_STEPS = 10_000  # of the schedules; they cost the same at any length
_MATMUL_SECONDS = 2.0
_PAIRS = 16  # of a call of generate


def main(argv):
    """Measure what the flags ask for; print a table, and write JSON with --out."""
    options = _parser().parse_args(argv)
    _check(options)
    # JAX takes seconds to import: wrong flags were answered before.
    from mmvae.machine.startup import start_up
    from mmvae.performance import speed

    start_up(multihost=False)
    with speed.empty_cache():
        result = measure(options.config, options.seconds, options.vocab_size, options.data)
    if options.out:
        Path(options.out).write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(table(result)))
    return 0


def measure(config, seconds, vocab_size=_VOCABULARY, directory=None):
    """Everything that is measured, as a dict for JSON; docs/performance.md names its entries.

    Args:
        config: a complete configuration.
        seconds: how long each of the steps, the pipeline and the two together are timed.
        vocab_size: of the captions when no data set tells.
        directory: a prepared data set, or None for the step alone.

    Raises:
        UserError: the config cannot work here, no such data set, or too little memory.
    """
    import jax

    from mmvae.training import checks

    checks.validate(config, jax.device_count())
    data = _Data(directory, config) if directory else None
    # Without a data set there is nothing to spell tokens with; their number is what costs.
    spelled = lambda ids: [""] * len(ids)
    nameless = SimpleNamespace(vocab_size=vocab_size, decode=spelled)
    vocabulary = data.tokenizer if data else nameless
    try:
        return _measure(config, vocabulary, data, seconds)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            f"config.train.batch_size={config.train.batch_size} does not fit the device's memory; "
            f"type --config.train.batch_size={max(1, config.train.batch_size // 2)}, or raise "
            f"--config.train.accumulate_steps."
        ) from error


def table(result):
    """Lines of the terminal's table."""
    step, peak = result["step"], result["matmul"][result["dtype"]]
    yield f"devices     {result['devices']}"
    yield f"config      {result['config']}: {result['work']}"
    yield (
        f"step        {1e3 * step['seconds']:,.1f} ms (median; half of {step['count']} steps "
        f"between {1e3 * step['lower']:,.1f} and {1e3 * step['upper']:,.1f})"
    )
    yield f"images/s    {step['images_per_second']:,.1f}"
    yield f"FLOPs       {_flops(step['flops'])} a step, as XLA counts the lowered step"
    yield f"rate        {_flops(step['flops_per_second'])}/s"
    for dtype, product in result["matmul"].items():
        rate, size = _flops(product["flops_per_second"]), product["size"]
        yield f"peak        {rate}/s, {dtype} matrix product of {size} x {size}"
    yield (
        f"MFU         {step['mfu_percent']:.1f} % of the measured "
        f"{_flops(peak['flops_per_second'])}/s in {result['dtype']}"
    )
    memory = result["memory"]
    yield f"memory      {memory['peak_bytes'] / 2**30:.2f} GiB at most, of the {memory['of']}"
    first = result["first_step"]
    yield (
        f"first step  {first['cold_seconds']:.1f} s with an empty compilation cache, "
        f"{first['warm_seconds']:.1f} s with a filled one"
    )
    pairs, made = result["generation"]["pairs"], result["generation"]["seconds"]
    yield f"generation  {made:.3f} s for {pairs} pairs, captions included (median)"
    yield f"recompiled  {result['recompilations']} times after the first step (0 is right)"
    if "pipeline" in result:
        yield from _data_rows(result["pipeline"], result["together"])


def _data_rows(pipeline, together):
    yield f"pipeline    {pipeline['images_per_second']:,.1f} pairs/s alone"
    yield (
        f"together    {together['images_per_second']:,.1f} images/s, "
        f"{together['data_wait_percent']:.2f} % of the time waiting for data, "
        f"{together['slower_percent']:+.1f} % against the step alone"
    )


def _parser():
    parser = command_line.ConfigParser(
        prog="python -m mmvae.benchmark", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (10)")
    parser.add_argument(
        "--vocab-size", type=int, help=f"pieces, when no data set tells ({_VOCABULARY})"
    )
    parser.add_argument("--data", help="a prepared data set: measure the input pipeline too")
    parser.add_argument("--out", help="the JSON file to write")
    return parser


def _check(options):
    """UserError for flags that cannot work."""
    if not 0 < options.seconds < float("inf"):
        raise UserError(f"--seconds {options.seconds:g} must be above 0, such as --seconds 10.")
    if options.data and options.vocab_size:
        raise UserError("--vocab-size and --data exclude each other: a data set has its own.")
    options.vocab_size = _VOCABULARY if options.vocab_size is None else options.vocab_size
    if options.vocab_size < _LEAST_VOCABULARY:
        raise UserError(f"--vocab-size {options.vocab_size} must be at least {_LEAST_VOCABULARY}.")
    if options.out and not Path(options.out).parent.is_dir():
        folder = Path(options.out).parent
        raise UserError(f"--out {options.out}: the folder {folder} does not exist; make it first.")


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
        from mmvae.data.directory import CARD, TOKENIZER
        from mmvae.data.text import Tokenizer
        from mmvae.training import checks

        data.hide_accelerators()
        self.records, self.config = records.read(Path(directory), "train"), config
        card = json.loads((Path(directory) / CARD).read_text())
        checks.check_against_card(config, card)
        self.tokenizer = Tokenizer(Path(directory) / TOKENIZER)
        data.steps_per_epoch(len(self.records), config.train.batch_size)
        self._train_batches = data.train_batches

    def batches(self):
        """Endless training batches in the host's memory."""
        from mmvae.data import modalities

        config, size = self.config, self.config.train.batch_size
        kinds = modalities.of_run(config, self.tokenizer)
        return self._train_batches(self.records, kinds, config.seed, size, 0, config.data.augment)


def _note(phase):
    """Tell what is being measured, beside the table on stdout."""
    print(f"{phase} ...", file=sys.stderr, flush=True)


def _measure(config, vocabulary, data, seconds):
    from mmvae.data import modalities
    from mmvae.machine import devices
    from mmvae.performance import speed
    from mmvae.training.program import Program, on_devices

    work = Program(config, modalities.of_run(config, vocabulary), _TOTAL_STEPS)
    noise = speed.random_batches(work.modalities, config.train.batch_size, config.seed)
    batches = on_devices(noise)
    _note("compiling the train step twice")
    train_step, first = _first_steps(work, next(batches))
    stepper = speed.Stepper(work, train_step)
    _note("train step")
    with speed.compilations() as compiled:
        times = speed.spread(speed.step_times(stepper, batches, seconds))
    # Read before the matrix products, which need memory of their own.
    peak, where = devices.peak_memory()
    _note("generation")
    made = speed.spread(
        speed.generation_times(_session(work, stepper, vocabulary), _PAIRS, seconds)
    )
    _note("matrix products")
    products = _products(config.model.dtype)
    result = {
        "config": config.name,
        "devices": devices.devices(),
        "work": _described(work, stepper.state.params),
        "dtype": config.model.dtype,
        "batch_size": config.train.batch_size,
        "step": _rated(times, work, stepper, products[config.model.dtype]),
        "matmul": products,
        "memory": {"peak_bytes": peak, "of": where},
        "first_step": first,
        "generation": {"pairs": _PAIRS, "seconds": made.median, "count": made.count},
        "recompilations": len(compiled),
    }
    return result | (_with_data(data, stepper, times, seconds) if data else {})


def _session(work, stepper, vocabulary):
    import jax

    from mmvae.inference.session import Session

    return Session(work.config, jax.device_put(jax.device_get(stepper.state.params)), vocabulary)


def _first_steps(work, batch):
    """A compiled train step, and the seconds of the first one with both kinds of cache."""
    import jax

    from mmvae.performance import speed

    cold = speed.first_step_seconds(work, batch, work.train_step())
    jax.clear_caches()  # those in memory: a second process starts without them
    train_step = work.train_step()
    warm = speed.first_step_seconds(work, batch, train_step)
    return train_step, {"cold_seconds": cold, "warm_seconds": warm}


def _products(dtype):
    from mmvae.machine import devices

    found = {}
    for name in dict.fromkeys((dtype, "float32")):
        rate, size = devices.matmul_peak(name, _MATMUL_SECONDS)
        found[name] = {"flops_per_second": rate, "size": size}
    return found


def _rated(times, work, stepper, product):
    flops = work.step_flops(stepper.train_step, stepper.state)
    rate = flops / times.median
    return {
        "seconds": times.median,
        "lower": times.lower,
        "upper": times.upper,
        "count": times.count,
        "images_per_second": work.config.train.batch_size / times.median,
        "flops": flops,
        "flops_per_second": rate,
        "mfu_percent": 100 * rate / product["flops_per_second"],
    }


def _with_data(data, stepper, alone, seconds):
    from mmvae.performance import speed
    from mmvae.training.program import on_devices

    images = data.config.train.batch_size
    _note("input pipeline, then both together")
    rate = speed.pipeline_rate(data.batches(), images, seconds)
    rates = speed.together(stepper, on_devices(data.batches()), images, seconds)
    slower = 100 * (rates["step_seconds"] / alone.median - 1)
    return {
        "pipeline": {"images_per_second": rate, "pairs": len(data.records)},
        "together": rates | {"slower_percent": slower},
    }


def _described(work, params):
    import jax

    sizes = " and ".join(modality.describe() for modality in work.modalities.values())
    count = sum(x.size for x in jax.tree.leaves(params))
    return (
        f"{work.config.train.batch_size} pairs of {sizes}, "
        f"{count:,} parameters, {work.config.model.dtype} products"
    )


def _flops(count):
    """A number of operations with its unit, such as "1.23 TFLOP"."""
    units = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"))
    size, unit = next((u for u in units if count >= u[0]), units[-1])
    return f"{count / size:,.2f} {unit}"


if __name__ == "__main__":
    sys.exit(command_line.run(main))
