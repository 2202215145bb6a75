"""What makes a run explain itself: its configuration, tokenizer, data card, and facts.

`facts.json` holds what is known before the first step.
"""

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import jax

from mmvae import config as configs
from mmvae import speed, summary
from mmvae.errors import UserError
from mmvae.floors import floors

FACTS = "facts.json"
_LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "numpy")
_PEAK_SECONDS = 0.2


def check(workdir, config):
    """Refuse to mix two configurations in one place.

    Raises:
        UserError: the directory holds a run with another configuration.
    """
    path = workdir / "config.json"
    if path.exists() and path.read_text() != configs.to_json(config):
        raise UserError(
            f"{workdir} holds a run with another configuration; type --workdir NEW for a new run, "
            f"or repeat the flags in {path} to continue that one."
        )


def prepare(workdir, plan):
    """Write what is copied from the plan."""
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "config.json").write_text(configs.to_json(plan.config))
    for name in ("tokenizer.model", "card.json"):
        shutil.copyfile(Path(plan.config.data.dir) / name, workdir / name)


def keep_facts(workdir, plan, params, flops):
    """Write `workdir`/facts.json, unless a run that resumes has it.

    Args:
        params: the model's parameters, arrays or shapes.
        flops: floating-point operations of one train step, over all devices.
    """
    path = workdir / FACTS
    if not path.exists():
        path.write_text(json.dumps(facts(plan, params, flops), indent=2) + "\n")


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
