"""Trials: settings and seeds made into runs, each with a directory and a command of its own."""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from mmvae.reporting import runs
from mmvae.reporting.settings import short

WAITING, RUNNING, FINISHED, CRASHED = "waiting", "running", "finished", "crashed"


class Trial(NamedTuple):
    """One run of a sweep: a setting {field: value} with a seed, in `path`."""

    name: str
    setting: dict
    seed: int
    path: Path

    @property
    def finished(self):
        """Whether the run is whole; a run that is not is continued by the same command."""
        run = self.run()
        return run is not None and run.finished

    def run(self):
        """The `reporting.runs.Run`, or None while nothing was logged."""
        try:
            return runs.load(self.path)
        except runs.UserError:
            return None

    def command(self, config_file, overrides):
        """The run's command line as a list; `overrides` {field: value} hold for every run."""
        fields = overrides | self.setting | {"seed": self.seed, "name": self.name}
        words = [sys.executable, "-m", "mmvae.main", "--config", str(config_file)]
        words += ["--workdir", str(self.path)]
        return words + [f"--config.{field}={_text(value)}" for field, value in fields.items()]


def trials(settings, seeds, directory, fields, numbered=False, start=0):
    """Trials of every setting with every seed, the seeds of one setting together.

    Args:
        fields: all fields that vary, which the names are shortened by.
        numbered: names count the settings, from `start`, instead of spelling their values.
    """
    found = []
    for index, setting in enumerate(settings, start):
        label = f"trial-{index:03d}" if numbered else _label(setting, fields)
        for seed in seeds:
            name = f"{label}_seed-{seed}"
            found.append(Trial(name, setting, seed, Path(directory) / name))
    return found


def shell(command, group):
    """The command as a line for a shell, grouped in W&B."""
    return f"WANDB_RUN_GROUP={shlex.quote(group)} {shlex.join(['python', *command[1:]])}"


def _label(setting, fields):
    parts = [f"{short(field, fields)}-{_text(value)}" for field, value in setting.items()]
    label = "_".join(parts) or "run"
    return "".join(c if c.isalnum() or c in "._-+" else "-" for c in label)


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
