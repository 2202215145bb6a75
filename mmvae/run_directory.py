"""What makes a run explain itself: its configuration, tokenizer, data card, and facts.

`facts.json` holds what is known before the first step.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import jax

from mmvae import config as configs
from mmvae import speed, summary
from mmvae.errors import UserError
from mmvae.floors import floors

FACTS = "facts.json"
_COPIED = ("tokenizer.model", "card.json")
_LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "numpy")
_PEAK_SECONDS = 0.2


def check(workdir, config):
    """Refuse to mix two configurations or two data sets in one place.

    Raises:
        UserError: the directory holds a run with another configuration or data set.
    """
    path = workdir / "config.json"
    if not path.exists():
        return
    if path.read_text() != configs.to_json(config):
        raise UserError(
            f"{workdir} holds a run with another configuration; type --workdir NEW for a new run, "
            f"or repeat the flags in {path} to continue that one."
        )
    # Token ids of another vocabulary have another meaning, though every shape may fit.
    if any(_copied(workdir, name) != _copied(config.data.dir, name) for name in _COPIED):
        raise UserError(
            f"{config.data.dir} is not what {workdir} was begun with: it was prepared anew; type "
            f"--workdir NEW for a new run."
        )


def prepare(workdir, plan):
    """Write what is copied from the plan, unless a run that resumes has it."""
    workdir.mkdir(parents=True, exist_ok=True)
    if (workdir / "config.json").exists():
        return
    for name in _COPIED:
        _write(workdir / name, _copied(plan.config.data.dir, name))
    # Last: where it is, the others are.
    _write(workdir / "config.json", configs.to_json(plan.config).encode())


def _copied(directory, name):
    return (Path(directory) / name).read_bytes()


def _write(path, content):
    """The whole file or none, whenever the process is killed."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def keep_facts(workdir, plan, params, flops):
    """Write `workdir`/facts.json, unless a run that resumes has it.

    Args:
        params: the model's parameters, arrays or shapes.
        flops: floating-point operations of one train step, over all devices.
    """
    path = workdir / FACTS
    if not path.exists():
        found = facts(plan, params, flops)
        _write(path, (json.dumps(found, indent=2) + "\n").encode())


def facts(plan, params, flops):
    """The content of facts.json, a dict."""
    return {
        "parameters": summary.parameter_counts(params),
        "step_flops": flops,
        "peak_flops": speed.matmul_peak(plan.config.model.dtype, _PEAK_SECONDS)[0],
        "devices": summary.devices(),
        "platform": jax.default_backend(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "pairs": {"train": len(plan.train_records), "val": len(plan.val_records)},
        "steps_per_epoch": plan.steps_per_epoch,
        "total_steps": plan.total_steps,
        "vocabulary": plan.vocabulary(),
        "baselines": floors(plan.train_records, plan.val_records, plan.shapes),
    }
