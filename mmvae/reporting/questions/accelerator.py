"""Is the accelerator used well? Memory, speed, waiting, and the share of the peak."""

import pandas as pd

from mmvae.reporting.runs import Run, finite
from mmvae.reporting.verdict import (
    GOOD,
    LOOK,
    WRONG,
    Figure,
    Verdict,
    above,
    below,
    remedies,
    unknown,
)

QUESTION = "Is the accelerator used well?"
MEANING = (
    "Waiting is the share of training time in which no batch was ready. Memory is the peak of "
    "what JAX may use, not the driver's figure, which only shows what was set aside. MFU is the "
    "floating-point operations of a step's products, per second of step, as a share of "
    "the fastest matrix product measured on the same kind of device; 25 to 40% is good "
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
    bad = [figure for figure in figures if figure.bad]
    device = "accelerator" if _has_accelerator(run) else "processor (no accelerator)"
    text = f"The {device} does not wait: {speed.median():,.0f} images per second."
    if bad:
        text = f"The {device} could do more: {bad[0].label} {bad[0].value}."
    return Verdict(QUESTION, text, figures, MEANING, remedies(figures))


def mfu(run: Run) -> float | None:
    """Share of the measured peak that training reached, in percent, or None."""
    logged = finite(run.series("system/mfu_percent"))
    if len(logged):
        return float(logged.median())
    # Earlier runs tell its parts.
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
        f"{wait.median():.1f}%",
        "below 5%; above 20% the pipeline is the limit",
        above(wait.median(), *_WAIT),
        "The input pipeline is the limit: move the data to a local disk, give the process more "
        "cores, and measure with python -m mmvae.benchmark.",
    )


def _memory(run: Run) -> Figure | None:
    used, batch = run.last("system/gpu_memory_percent"), run.config.get("train.batch_size")
    if used is None:
        return None
    smaller = f"--config.train.batch_size={max(1, batch // 2)}, or " if batch else ""
    return Figure(
        "device memory, peak",
        f"{used:.0f}%",
        "70-90%; below 60% has room, above 95% risky",
        WRONG if used > 95 else LOOK if used < 60 or used > 90 else GOOD,
        f"Raise the batch: {_larger(run)}."
        if used < 60
        else f"Little is left: {smaller}--config.train.accumulate_steps=2.",
    )


def _mfu(run: Run) -> Figure:
    label, healthy, value = "MFU, share of the measured peak", "above 15%", mfu(run)
    if value is None:
        return Figure(label, "not known", healthy)
    level = below(value, _MFU, 0) if _has_accelerator(run) else GOOD
    advice = f"Raise the batch ({_larger(run)}) or the model; small steps leave the device idle."
    return Figure(label, f"{value:.2g}%", healthy, level, advice)


def _larger(run: Run) -> str:
    """The flag of a batch twice as large."""
    batch = run.config.get("train.batch_size")
    return "--config.train.batch_size" + (f"={2 * batch}" if batch else "")


def _steadiness(speed: pd.Series) -> Figure | None:
    half = len(speed) // 2
    if half < 3:
        return None
    ratio = speed.iloc[half:].median() / speed.iloc[:half].median()
    return Figure(
        "speed, second half against first",
        f"{ratio:.0%}",
        "above 70%",
        below(ratio, _SLOWER, 0),
        "Training became slower: look for another process on the machine, or heat.",
    )


def _cpu(run: Run, wait: pd.Series) -> Figure | None:
    used = finite(run.series("system/cpu_percent"))
    if used.empty:
        return None
    starved = len(wait) and wait.median() > _WAIT[0] and used.median() > 95
    return Figure(
        "CPU, all cores, median",
        f"{used.median():.0f}%",
        "below 95% while training waits for data",
        LOOK if starved else GOOD,
        "All cores are busy: end other processes, or use a machine with more of them.",
    )


def _host_memory(run: Run) -> Figure | None:
    used = finite(run.series("system/host_memory_percent"))
    if used.empty:
        return None
    return Figure(
        "main memory",
        f"{used.iloc[-1]:.0f}%",
        "below 90%",
        above(used.iloc[-1], 90, 97),
        "Main memory is nearly full: end other processes, or use a larger machine.",
    )
