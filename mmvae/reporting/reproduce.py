"""The commands that make a run again: its data, and its training."""

import json
import shlex

from configs import base
from mmvae.config import fields
from mmvae.runs.directory import EVALUATION

_ONLY_ELSEWHERE = ("sources", "overwrite", "out", "workers")


def commands(run):
    """[(what it does, command)] with only what differs from the defaults of `configs/base.py`."""
    found = []
    if run.card.get("settings", {}).get("sources"):
        found.append(("Prepare the data", _prepare(run)))
    found.append(("Train", _train(run)))
    found.append(
        (
            "Evaluate",
            f"python -m mmvae.evaluate --workdir {_quoted(run.path)} --split test "
            f"--out {_quoted(run.path / EVALUATION)}",
        )
    )
    return found


def foreign(run):
    """(fields that the run has and `configs/base.py` lacks, fields the other way round)."""
    known = _defaults()
    return sorted(set(run.config) - set(known)), sorted(set(known) - set(run.config))


def _prepare(run):
    settings = run.card["settings"]
    words = ["python", "-m", "data_prep.prepare"]
    for source in settings["sources"]:
        words += ["--source", source]
    for name, value in settings.items():
        if name not in _ONLY_ELSEWHERE:
            words += _flag(f"--{name.replace('_', '-')}", value)
    return _lines([*words, "--out", str(run.config.get("data.dir", "DATASET"))])


def _flag(flag, value):
    """A flag with its value as words; none where it is not set."""
    if value is True:
        return [flag]
    values = value if isinstance(value, list) else [value]
    if values in ([], [""], [None]) or value is False:
        return []
    return [flag, *map(str, values)]


def _train(run):
    known = _defaults()
    words = ["python", "-m", "mmvae.main", "--config", "configs/base.py", "--workdir", "NEW"]
    for name, value in run.config.items():
        if name in known and json.dumps(known[name]) != json.dumps(value):
            value = tuple(value) if isinstance(value, list) else value
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words.append(f"--config.{name}={text}")
    return _lines(words)


def _lines(words):
    """A command for a shell, a flag on each line."""
    return shlex.join(words).replace(" --", " \\\n  --")


def _defaults():
    return fields(base.get_config())


def _quoted(path):
    return shlex.quote(str(path))
