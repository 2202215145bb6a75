"""Trials: settings and seeds made into runs, each with a directory and a command of its own."""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmvae.errors import UserError
from mmvae.reporting import runs
from mmvae.reporting.comparing.comparison import short
from mmvae.reporting.runs import Run
from mmvae.sweeps.space import Setting, Value

WAITING, RUNNING, FINISHED, CRASHED = "waiting", "running", "finished", "crashed"


class Trial(NamedTuple):
    """One run of a sweep: a setting with a seed, in the run directory `path`."""

    name: str
    setting: Setting
    seed: int
    path: Path

    @property
    def finished(self) -> bool:
        """Whether the run is whole; a run that is not is continued by the same command."""
        run = self.run()
        return run is not None and run.finished

    def run(self) -> Run | None:
        """The run as reports read it, or None while nothing was logged."""
        try:
            return runs.load(self.path)
        except UserError:
            return None

    def command(self, config_file: str, overrides: Setting) -> list[str]:
        """The run's command line; `overrides` hold for every run of the sweep."""
        fields = overrides | self.setting | {"seed": self.seed, "name": self.name}
        words = [sys.executable, "-m", "mmvae.main", "--config", str(config_file)]
        words += ["--workdir", str(self.path)]
        return words + [f"--config.{field}={_text(value)}" for field, value in fields.items()]


def trials(
    settings: Iterable[Setting],
    seeds: list[int],
    directory: Path,
    fields: list[str],
    numbered: bool = False,
    start: int = 0,
) -> list[Trial]:
    """Trials of every setting with every seed, the seeds of one setting together.

    Args:
        fields: all fields that vary, which the names are shortened by.
        numbered: names count the settings, from `start`, instead of spelling their values.
    """
    every = []
    for index, setting in enumerate(settings, start):
        label = f"trial-{index:03d}" if numbered else _label(setting, fields)
        for seed in seeds:
            name = f"{label}_seed-{seed}"
            every.append(Trial(name, setting, seed, directory / name))
    return every


def shell(command: list[str], group: str) -> str:
    """The command as a line for a shell, grouped in W&B."""
    return f"WANDB_RUN_GROUP={shlex.quote(group)} {shlex.join(['python', *command[1:]])}"


def _label(setting: Setting, fields: list[str]) -> str:
    parts = [f"{short(field, fields)}-{_text(value)}" for field, value in setting.items()]
    label = "_".join(parts) or "run"
    return "".join(c if c.isalnum() or c in "._-+" else "-" for c in label)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
