"""Is the accelerator used well? Memory, speed, waiting, and the share of the peak."""

from collections.abc import Iterable, Iterator

import pandas as pd

from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import GOOD, LOOK, WRONG, Figure, Verdict, above, below, unknown

QUESTION = "Is the accelerator used well?"
MEANING = (
    "Waiting is the share of training time in which no batch was ready. Memory is the peak of "
    "what JAX may use, not the driver's figure, which only shows what was set aside. MFU is the "
    "floating-point operations of a step, as XLA counts them, per second of step, as a share of "
    "the fastest matrix product measured on the same devices at the start; 25 to 40 % is good "
    "for small models. Evaluation, checkpoints and compilation are not counted."
)
_WAIT = (5, 20)  # percent
_MFU = 15  # percent, below which an accelerator idles
_SLOWER = 0.7  # of the speed of the first half


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    speed = finite(run.series("system/images_per_second"))
    if speed.empty:
        return unknown(QUESTION, "Too early to say: no speed was logged yet.")
    wait = finite(run.series("system/data_wait_percent"))
    figures = [_waiting(wait), _memory(run), _mfu(run), _steadiness(speed)]
    figures += [
        Figure("images per second, median", f"{speed.median():,.0f}"),
        _cpu(run, wait),
        _host_memory(run),
    ]
    figures = tuple(figure for figure in figures if figure)
    advice = tuple(_advice(run, figures))
    device = "accelerator" if _has_accelerator(run) else "processor (no accelerator)"
    if advice:
        first = next(f for f in figures if f.level in (WRONG, LOOK))
        text = f"The {device} could do more: {first.label} {first.value}."
    else:
        text = f"The {device} does not wait: {speed.median():,.0f} images per second."
    return Verdict(QUESTION, text, figures, MEANING, advice)


def mfu(run: Run) -> float | None:
    """Share of the measured peak that training reached, in percent, or None."""
    flops, peak = run.facts.get("step_flops"), run.facts.get("peak_flops")
    seconds = finite(run.series("system/step_seconds"))
    if not flops or not peak or flops != flops or seconds.empty:
        return None
    return 100 * flops / seconds.median() / peak


def _has_accelerator(run: Run) -> bool:
    platform = run.facts.get("platform")
    return platform != "cpu" if platform else "system/gpu_memory_percent" in run.rows


def _waiting(wait: pd.Series) -> Figure | None:
    if wait.empty:
        return None
    return Figure(
        "share of time waiting for data",
        f"{wait.median():.1f} %",
        "below 5 %; above 20 % the pipeline is the limit",
        above(wait.median(), *_WAIT),
    )


def _memory(run: Run) -> Figure | None:
    used = run.last("system/gpu_memory_percent")
    if used is None:
        return None
    level = WRONG if used > 95 else LOOK if used < 60 or used > 90 else GOOD
    return Figure(
        "device memory, peak",
        f"{used:.0f} %",
        "70-90 %; below 60 % has room, above 95 % risky",
        level,
    )


def _mfu(run: Run) -> Figure:
    value = mfu(run)
    if value is None:
        return Figure("MFU, share of the measured peak", "not known", "above 15 %")
    level = below(value, _MFU, 0) if _has_accelerator(run) else GOOD
    return Figure("MFU, share of the measured peak", f"{value:.2g} %", "above 15 %", level)


def _steadiness(speed: pd.Series) -> Figure | None:
    half = len(speed) // 2
    if half < 3:
        return None
    ratio = speed.iloc[half:].median() / speed.iloc[:half].median()
    return Figure(
        "speed, second half against first",
        f"{ratio:.0%}",
        "above 70 %",
        below(ratio, _SLOWER, 0),
    )


def _cpu(run: Run, wait: pd.Series) -> Figure | None:
    used = finite(run.series("system/cpu_percent"))
    if used.empty:
        return None
    starved = len(wait) and wait.median() > _WAIT[0] and used.median() > 95
    level = LOOK if starved else GOOD
    healthy = "below 95 % while training waits for data"
    return Figure("CPU, all cores, median", f"{used.median():.0f} %", healthy, level)


def _host_memory(run: Run) -> Figure | None:
    used = finite(run.series("system/host_memory_percent"))
    if used.empty:
        return None
    return Figure(
        "main memory", f"{used.iloc[-1]:.0f} %", "below 90 %", above(used.iloc[-1], 90, 97)
    )


def _advice(run: Run, figures: Iterable[Figure]) -> Iterator[str]:
    """What to try for each figure that is not good."""
    batch = run.config.get("train.batch_size")
    larger = f"--config.train.batch_size={2 * batch}" if batch else "--config.train.batch_size"
    smaller = f"--config.train.batch_size={max(1, batch // 2)}" if batch else ""
    for figure in figures:
        if figure.level not in (LOOK, WRONG):
            continue
        if figure.label.startswith("share of time waiting"):
            yield (
                "The input pipeline is the limit: move the data to a local disk, give the process "
                "more cores, and measure with python -m mmvae.benchmark."
            )
        elif figure.label.startswith("device memory"):
            room = float(figure.value.split()[0]) < 60
            yield (
                f"Raise the batch: {larger}."
                if room
                else f"Little is left: {smaller}, or --config.train.accumulate_steps=2."
            )
        elif figure.label.startswith("MFU"):
            yield f"Raise the batch ({larger}) or the model; small steps leave the device idle."
        elif figure.label.startswith("speed"):
            yield "Training became slower: look for another process on the machine, or heat."
        else:
            yield f"{figure.label} is nearly full: end other processes, or use a larger machine."
