"""A run's configuration as JSON: of a run, and of another one that goes on from it.

`configs/base.py` names every field. Nothing derived is stored in a configuration, because it
would not follow when a field is set on the command line.
"""

import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mmvae.errors import UserError

FILE = "config.json"  # in a run directory
# Fields that runs of earlier versions lack, with what the code did before they were there;
# "*" stands for each modality.
ADDED = {
    "checkpoint.best_by": "loss_total",
    "data.shares.caption": 0.0,
    "data.shares.image": 0.0,
    "data.shares.pair": 0.0,
    "init.from_run": "",
    "init.skip": (),
    "model.adapter_rank": 0,
    "model.modalities.*.dropout": 0.0,
    "model.modalities.image.decoder": "mean",
    "model.modalities.image.flow_layers": 8,
    "model.modalities.image.flow_steps": 20,
    "model.modalities.image.flow_to_latent": False,
    "model.modalities.image.flow_weight": 0.1,
    "objective.name": "elbo",
    "objective.private": 8,
    "objective.private_kl": 1.0,
    "objective.alpha": 0.1,
    "objective.draws": 4,
    "objective.gradient": "dreg",
    "objective.posterior": "gaussian",
    "objective.subsampling": True,
    "objective.random_subsets": 0,
    "objective.clusters": 10,
    "objective.target": "image",
    "optimizer.multipliers": (),
    "train.freeze": (),
}


class ConfigError(UserError):
    """A field's value cannot work; the message names the field and what would."""


def fields(config: ConfigDict, prefix: str = "") -> dict[str, Any]:
    """{dotted path: value} of every field, groups left out."""
    values = {}
    for name, value in config.items():
        nested = isinstance(value, ConfigDict)
        values |= fields(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return values


def to_json(config: ConfigDict) -> str:
    """The configuration as JSON text; tuples become lists."""
    return json.dumps(config.to_dict(), indent=2, ensure_ascii=False) + "\n"


def of_run(run: str | Path) -> ConfigDict:
    """The locked configuration of a run directory.

    Raises:
        UserError: no run there, or a damaged configuration.
    """
    path = Path(run) / FILE
    if not path.exists():
        raise UserError(f"{run} is not a run directory: it has no {FILE}")
    return from_json(path.read_bytes())


def continuing(run: str | Path) -> ConfigDict:
    """The unlocked configuration of a run directory, for another run that starts from its model.

    Raises:
        UserError: as in `of_run`.
    """
    config = of_run(run).copy_and_resolve_references().unlock()
    config.init = ConfigDict({"from_run": str(run), "skip": ()})
    config.train.freeze = config.optimizer.multipliers = ()
    config.model.adapter_rank = 0  # the run's own adapters are merged
    return config


def from_json(text: str | bytes) -> ConfigDict:
    """The locked ConfigDict of `to_json`, its tuples tuples again and its fields complete.

    Raises:
        ConfigError: the text is not a JSON object.
    """
    try:
        config = ConfigDict(_filled(_with_tuples(json.loads(text))))
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"the stored configuration cannot be read: {error}.") from error
    return config.lock()


def _filled(tree):
    """Nested dicts with the fields that were added since they were stored."""
    for path, value in ADDED.items():
        *groups, name = path.split(".")
        for group in _groups(tree, groups):
            group.setdefault(name, value)
    return tree


def _groups(tree, path):
    """The groups at a path, made where there are none; "*" stands for each that there is."""
    if not path:
        return [tree]
    first, *rest = path
    inner = list(tree.values()) if first == "*" else [tree.setdefault(first, {})]
    return [group for each in inner for group in _groups(each, rest)]


def _with_tuples(value):
    if isinstance(value, dict):
        return {name: _with_tuples(item) for name, item in value.items()}
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list) else value
