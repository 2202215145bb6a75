"""Whether a run may go on in its directory, and what it keeps there before its first step.

A run is the same by content: its data card, its vocabulary, and every field that has a say in
its parameters or in what is measured of them.
"""

import os
import shlex
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mmvae import config as configs
from mmvae.errors import UserError
from mmvae.files import read_object, write_whole
from mmvae.runs import directory

# Fields that a run may go on with at another value; docs/training.md says why.
MAY_CHANGE = (
    "name",
    "data.dir",  # compared by what is in it
    "train.epochs",
    "train.log_every_steps",
    "eval.every_epochs",
    "eval.samples_every_epochs",
    "eval.num_samples",
    "eval.metrics",
    "checkpoint.*",
    "wandb.*",
)
_PATHS = ("init.from_run",)  # the same in any spelling
_TOLD = 5  # differences in a message


def check(workdir: Path, config: ConfigDict) -> None:
    """Refuse to mix two configurations or two data sets in one place.

    Raises:
        UserError: the directory holds a run with another configuration or data set.
    """
    if not (workdir / directory.CONFIG).exists():
        return
    changed = {
        path: values
        for path, values in differences(configs.of_run(workdir), config).items()
        if not any(fnmatchcase(path, pattern) for pattern in MAY_CHANGE)
    }
    if changed:
        raise UserError(
            f"{workdir} holds a run with other settings: {_listed(changed)}; type "
            f"{_flags(changed)}--workdir NEW for a new run."
        )
    _check_data(workdir, Path(config.data.dir))


def as_begun(config: ConfigDict, workdir: Path) -> ConfigDict:
    """`config` with what a run keeps from its start: by what its best checkpoint is chosen.

    Scores by another rule would not compare with those that are stored.

    Raises:
        UserError: the directory holds a damaged configuration.
    """
    if not (workdir / directory.CONFIG).exists():
        return config
    begun = config.copy_and_resolve_references()
    with begun.unlocked():
        begun.checkpoint.best_by = configs.of_run(workdir).checkpoint.best_by
    return begun


def keep(workdir: Path, config: ConfigDict) -> dict[str, tuple[Any, Any]]:
    """Write what tells of the run: anew, or where it goes on with another configuration.

    To be called when nothing can be refused any more. Returns the `differences` to what the
    directory held.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    path, content = workdir / directory.CONFIG, configs.to_json(config).encode()
    if not path.exists():
        for name in (directory.TOKENIZER, directory.CARD):
            write_whole(workdir / name, (Path(config.data.dir) / name).read_bytes())
        # Last: where it is, the others are.
        write_whole(path, content)
        return {}
    changed = differences(configs.of_run(workdir), config)
    if changed:
        write_whole(path, content)
    return changed


def differences(own: ConfigDict, given: ConfigDict) -> dict[str, tuple[Any, Any]]:
    """{dotted field: (value in `own`, value in `given`)} where they differ; None: no such field."""
    before, after = configs.fields(own), configs.fields(given)
    return {
        path: (before.get(path), after.get(path))
        for path in after | before
        if not _same(path, before.get(path), after.get(path))
    }


def _same(path, a, b):
    if path in _PATHS and a and b:
        return os.path.normpath(a) == os.path.normpath(b)
    return a == b


def _check_data(workdir, data):
    # Token ids of another vocabulary have another meaning, though every shape may fit.
    name = directory.TOKENIZER
    if (workdir / name).read_bytes() != (data / name).read_bytes():
        raise UserError(_other_data(workdir, data, f"{name} is another vocabulary"))
    copied = f"copy it from {data}, if that is the data set of this run, or type --workdir NEW"
    own = _flat(read_object(workdir / directory.CARD, copied))
    remedy = f"type python -m data_prep.prepare --source SPEC --out {data} --overwrite"
    given = _flat(read_object(data / directory.CARD, remedy))
    changed = {p: (own.get(p), given.get(p)) for p in given | own if own.get(p) != given.get(p)}
    if changed:
        raise UserError(_other_data(workdir, data, f"{directory.CARD}: {_listed(changed)}"))


def _other_data(workdir, data, what):
    return (
        f"{data} is not the data set that {workdir} was begun with ({what}); type "
        f"--config.data.dir=DATASET with that one, or --workdir NEW for a new run."
    )


def _listed(changed):
    phrases = [f"{path} ({own} there, {given} here)" for path, (own, given) in changed.items()]
    more = f" and {len(phrases) - _TOLD} more" if len(phrases) > _TOLD else ""
    return ", ".join(phrases[:_TOLD]) + more


def _flags(changed):
    """The flags that take back what is changed; none where that is no matter of flags."""
    if len(changed) > _TOLD or any(None in values for values in changed.values()):
        return ""
    flags = [shlex.quote(f"--config.{path}={own}") for path, (own, _) in changed.items()]
    return f"{' '.join(flags)} to continue it, or "


def _flat(tree, prefix=""):
    """{dotted path: leaf} of nested dicts."""
    flat = {}
    for name, value in tree.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat
