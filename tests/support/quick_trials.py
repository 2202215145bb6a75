"""Trials of sweeps that take no time: a program that writes the log of a run and ends."""

import sys

from rich.console import Console

from mmvae.sweeps.runner import Runner
from mmvae.sweeps.trials import trials

# Writes the log of a run; argv: its directory, its loss, or "crash" or "slow".
TRIAL = """
import json, pathlib, sys, time
folder, what = pathlib.Path(sys.argv[1]), sys.argv[2]
folder.mkdir(parents=True, exist_ok=True)
with (folder / "started").open("a") as file: file.write("x")
if what == "slow":
    time.sleep(60)
    what = 0
if what == "crash": sys.exit("error: made to crash")
config = {"name": folder.name, "seed": 0, "train": {"epochs": 1}, "x": float(what)}
(folder / "config.json").write_text(json.dumps(config))
row = {"step": 5, "time": 0.0, "epoch": 1.0, "val/loss_total": float(what) ** 2}
(folder / "metrics.jsonl").write_text(json.dumps(row) + chr(10))
"""


def runner(outcomes=None, **settings):
    """A Runner of trials that end at once; `outcomes` {value of x: what happens}."""
    outcomes = outcomes or {}

    def command(trial):
        what = str(outcomes.get(trial.setting["x"], trial.setting["x"]))
        return [sys.executable, "-c", TRIAL, str(trial.path), what]

    return Runner(command, "group", console=Console(quiet=True), **settings)


def some(directory, values=(1.0, 2.0, 3.0)):
    return trials([{"x": x} for x in values], [0], directory, ["x"])


def starts(trial):
    path = trial.path / "started"
    return len(path.read_text()) if path.exists() else 0
