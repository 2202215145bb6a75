"""What is known of a run before its first step: `facts.json`."""

import json
import platform
from importlib.metadata import version

import jax

from mmvae.evaluation import baselines
from mmvae.machine.devices import devices, matmul_peak
from mmvae.runs.continuation import write_whole
from mmvae.runs.directory import FACTS
from mmvae.training import overview

_LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "numpy")


_PEAK_SECONDS = 0.2


def keep_facts(workdir, plan, params, flops):
    """Write `workdir`/facts.json, unless a run that resumes has it.

    Args:
        params: the model's parameters, arrays or shapes.
        flops: floating-point operations of one train step, over all devices.
    """
    path = workdir / FACTS
    if not path.exists():
        found = facts(plan, params, flops)
        write_whole(path, (json.dumps(found, indent=2) + "\n").encode())


def facts(plan, params, flops):
    """The content of facts.json, a dict."""
    return {
        "parameters": overview.parameter_counts(params),
        "step_flops": flops,
        "peak_flops": matmul_peak(plan.config.model.dtype, _PEAK_SECONDS)[0],
        "devices": devices(),
        "platform": jax.default_backend(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "pairs": {"train": len(plan.train_records), "val": len(plan.val_records)},
        "steps_per_epoch": plan.steps_per_epoch,
        "total_steps": plan.total_steps,
        "vocabulary": plan.vocabulary(),
        "baselines": baselines.before_training(
            plan.train_records, plan.val_records, plan.modalities
        ),
    }
