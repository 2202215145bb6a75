"""What is known of a run before its first step: `facts.json`."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jaxtyping import PyTree

from mmvae.files import read_object, write_whole
from mmvae.machine.devices import devices
from mmvae.runs.directory import FACTS
from mmvae.training import overview
from mmvae.training.plan import Plan

_LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "numpy")


def keep(
    workdir: Path,
    plan: Plan,
    params: PyTree,
    flops: float,
    peak_flops: float,
    step: int,
    changed: dict[str, tuple],
) -> None:
    """Write `workdir`/facts.json, or add to that of a run that goes on otherwise after `step`.

    Args:
        params: the model's parameters, arrays or shapes.
        flops: floating-point operations of one train step, over all devices.
        peak_flops: what the devices reach in a second.
        changed: {dotted field: (value before, value now)}.
    """
    path = workdir / FACTS
    if not path.exists():
        _write(workdir, facts(plan, params, flops, peak_flops))
    if changed:
        known = read_object(path, f"delete {path}, and type the command again")
        known["total_steps"] = plan.total_steps
        known["continued"] = [*known.get("continued", []), {"step": step, "changed": changed}]
        _write(workdir, known)


def _write(workdir, content):
    write_whole(workdir / FACTS, (json.dumps(content, indent=2) + "\n").encode())


def facts(plan: Plan, params: PyTree, flops: float, peak_flops: float) -> dict[str, Any]:
    """The content of facts.json, a dict."""
    return {
        "parameters": overview.parameter_counts(params),
        "latent_dim": plan.model.latent_dim,
        "step_flops": flops,
        "peak_flops": peak_flops,
        "devices": devices(),
        "platform": jax.default_backend(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "pairs": {"train": len(plan.train_records.pairs), "val": len(plan.val_records.pairs)},
        "rows": plan.rows,
        "steps_per_epoch": plan.steps_per_epoch,
        "total_steps": plan.total_steps,
        "vocabulary": plan.vocabulary(),
        "baselines": plan.baselines,
        "halves": plan.halves,
    }
