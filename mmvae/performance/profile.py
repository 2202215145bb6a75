"""Where a step's time goes: a trace of JAX's profiler, summed by part of the model.

Every instruction of the compiled step carries the names of the modules and scopes that it comes
from; the trace says how long each ran. A fused instruction counts for the part of its last
operation, so that shares are true to some percent.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import jax

from mmvae.errors import UserError
from mmvae.performance.speed import WARM_UP, Stepper
from mmvae.training.program import Program

STEPS = 5  # that are traced
_INSTRUCTION = re.compile(r'^\s*(?:ROOT )?%?(\S+) = .*?metadata=\{op_name="([^"]*)"', re.M)
_MODULE = re.compile(r"(encoders|decoders|heads)_([^/().]+)")
_SCOPES = ("optimizer", "metrics", "average", "prior")
_AROUND = ("while", "call", "conditional")  # instructions that other ones run inside


def profile(program: Program, batches: Iterator[dict], folder: Path) -> dict[str, float]:
    """{part: seconds of a step}, the longest first; the trace is written to `folder`.

    Seconds are of the device's threads or streams added up, so that their sum may be more than
    the step takes on the clock.

    Raises:
        UserError: the profiler of this machine tells nothing of single instructions.
    """
    batch = next(batches)
    stepper = Stepper(program)
    stepper.train_step = stepper.train_step.lower(stepper.state, batch).compile()
    parts = parts_of(stepper.train_step.as_text())
    for _ in range(WARM_UP):
        stepper.advance(batch)
    stepper.finish()
    with jax.profiler.trace(str(folder)):
        for _ in range(STEPS):
            stepper.advance(batch)
        stepper.finish()
    seconds = defaultdict(float)
    for name, duration in _events(folder):
        if name in parts:
            seconds[parts[name]] += duration / STEPS
    if not seconds:
        raise UserError(
            f"the trace in {folder} names no instruction of the step; look at it there."
        )
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def parts_of(program: str) -> dict[str, str]:
    """{instruction: part of the model} of a compiled program's text."""
    names = {name: part(scopes) for name, scopes in _INSTRUCTION.findall(program)}
    return {name: of for name, of in names.items() if not name.startswith(_AROUND)}


def part(scopes: str) -> str:
    """The part that an operation with these names around it belongs to, such as "decoders image".

    An upsampler is told apart from the decoder that it is in; what has no name of its own (noise,
    losses, sums over devices) is "other".
    """
    module = _MODULE.search(scopes)
    if module:
        name = f"{module[1]} {module[2]}"
        return f"{name}: upsampler" if "Upsampler" in scopes else name
    of_scope = (scope for scope in _SCOPES if re.search(rf"\b{scope}\b", scopes))
    return next(of_scope, "other")


def _events(folder):
    """(instruction, seconds) of all that the newest trace in `folder` saw run."""
    path = max(folder.rglob("*.xplane.pb"), key=lambda file: file.stat().st_mtime)
    for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
        for line in plane.lines:
            for event in line.events:
                name = dict(event.stats).get("hlo_op")
                if name:
                    yield name, event.duration_ns / 1e9
