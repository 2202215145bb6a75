"""The commands that make a run again: its data, and its training."""

import json
import shlex
from pathlib import Path
from typing import Any

from configs import base
from mmvae.config import fields
from mmvae.reporting.runs import Run
from mmvae.runs.directory import EVALUATION

_ONLY_ELSEWHERE = ("sources", "overwrite", "out", "workers")


def commands(run: Run) -> list[tuple[str, str]]:
    """[(what it does, command)] with only what differs from the defaults of `configs/base.py`."""
    known = run.card.get("settings", {}).get("sources")
    prepare = [("Prepare the data", _prepare(run))] if known else []
    evaluate = (
        f"python -m mmvae.evaluate --workdir {_quoted(run.path)} --split test "
        f"--out {_quoted(run.path / EVALUATION)}"
    )
    return [*prepare, ("Train", _train(run)), ("Evaluate", evaluate)]


def foreign(run: Run) -> tuple[list[str], list[str]]:
    """(fields that the run has and `configs/base.py` lacks, fields the other way round)."""
    known = _defaults()
    return sorted(set(run.config) - set(known)), sorted(set(known) - set(run.config))


def _prepare(run: Run) -> str:
    settings = run.card["settings"]
    words = ["python", "-m", "data_prep.prepare"]
    for source in settings["sources"]:
        words += ["--source", source]
    for name, value in settings.items():
        if name not in _ONLY_ELSEWHERE:
            words += _flag(f"--{name.replace('_', '-')}", value)
    return _lines([*words, "--out", str(run.config.get("data.dir", "DATASET"))])


def _flag(flag: str, value: Any) -> list[str]:
    """A flag with its value as words; none where it is not set."""
    if value is True:
        return [flag]
    values = value if isinstance(value, list) else [value]
    if values in ([], [""], [None]) or value is False:
        return []
    return [flag, *map(str, values)]


def _train(run: Run) -> str:
    known = _defaults()
    words = ["python", "-m", "mmvae.main", "--config", "configs/base.py", "--workdir", "NEW"]
    for name, value in run.config.items():
        if name in known and json.dumps(known[name]) != json.dumps(value):
            value = tuple(value) if isinstance(value, list) else value
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words.append(f"--config.{name}={text}")
    return _lines(words)


def _lines(words: list[str]) -> str:
    """A command for a shell, a flag on each line."""
    return shlex.join(words).replace(" --", " \\\n  --")


def _defaults() -> dict[str, Any]:
    return fields(base.get_config())


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
