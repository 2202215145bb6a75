"""Sweeps: spaces, sweep files, and running, with trials that take no time."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from mmvae import command_line, sweep
from mmvae.sweeps import plan, space, sweep_file, tpe
from mmvae.sweeps.runner import Runner
from mmvae.sweeps.space import Range, Space
from mmvae.sweeps.trials import CRASHED, FINISHED, trials
from support.places import ROOT

BASE = str(ROOT / "configs" / "base.py")
SHIPPED = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))

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


def ask(*arguments):
    return command_line.run(sweep.main, ["--config", BASE, *map(str, arguments)])


def test_a_grid_is_every_combination():
    found = space.grid(Space({"a": [1, 2], "b": ["x", "y"]}, {}, {}))
    assert found == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]


def test_cases_change_together():
    cases = {"p": {"a": 1, "b": 2}, "q": {"a": 3, "b": 4}}
    found = space.grid(Space({"c": [0, 1]}, {}, cases))
    assert len(found) == 4 and {"a": 3, "b": 4, "c": 1} in found


def test_random_settings_are_the_same_every_time_and_stay_in_range():
    varied = Space(
        {"a": [1, 2]}, {"rate": Range(1e-4, 1e-2, log=True), "n": Range(2, 9, whole=True)}, {}
    )
    settings = [space.sample(varied, index) for index in range(200)]
    assert settings[:5] == [space.sample(varied, index) for index in range(5)]
    rates = sorted(setting["rate"] for setting in settings)
    assert rates[0] >= 1e-4 and rates[-1] <= 1e-2
    assert 5e-4 < rates[100] < 2e-3, "half of them below the geometric mean"
    assert {setting["n"] for setting in settings} == set(range(2, 10))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_make_six_runs(path, capsys):
    assert ask("--file", path, "--out", "sweeps/x", "--print") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and len(set(lines)) == 6
    assert all(line.startswith("WANDB_RUN_GROUP=x python -m mmvae.main") for line in lines)


def test_wandb_files_are_understood(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "method: random\nrun_cap: 7\nmetric: {name: val/image_mse}\nparameters:\n"
        "  config.optimizer.learning_rate:\n"
        "    {min: 1e-4, max: 0.01, distribution: log_uniform_values}\n"
        "  train:\n    parameters:\n      batch_size: {values: [8, 16]}\n"
        "  data.augment: {value: false}\n  seed: {values: [3, 4]}\n"
    )
    found = sweep_file.read(path)
    assert found.space.ranges == {"optimizer.learning_rate": Range(1e-4, 0.01, True, False)}
    assert found.space.choices == {"train.batch_size": [8, 16], "data.augment": [False]}
    assert (found.method, found.count, found.metric, found.seeds) == (
        "random",
        7,
        "val/image_mse",
        [3, 4],
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("a: [", "is not YAML"),
        ("method: grid", "no parameters"),
        ("method: best\nparameters: {a: {value: 1}}", "must be one of: grid"),
        ("parameters: {a: 3}", "a must have value"),
        ("parameters: {a: {min: 1}}", "a must have value"),
        ("parameters: {a: {min: 1, max: 2, distribution: normal}}", "distribution normal"),
        ("parameters: {a: {min: 2, max: 1}}", "LOW < HIGH"),
    ],
)
def test_sweep_files_with_errors_are_told_in_one_sentence(tmp_path, capsys, text, words):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    assert ask("--file", path, "--out", tmp_path / "x") == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "flags, words",
    [
        ("", "nothing to try"),
        ("--grid train.batch_sise=8,16", "did you mean config.train.batch_size"),
        ("--grid train.batch_size=8,x", "whole number"),
        ("--grid train.batch_size", "FIELD=VALUE,VALUE"),
        ("--range optimizer.learning_rate=1e-4:1e-2", "--random 20"),
        ("--random 5 --range optimizer.learning_rate=0:1:log", "0 < LOW < HIGH"),
        ("--random 5 --range optimizer.learning_rate=1e-4", "LOW:HIGH"),
        ("--random 0 --grid train.batch_size=8,16", "at least 1"),
        ("--parallel 0 --grid train.batch_size=8,16", "at least 1"),
        ("--random 5 --tpe 5 --grid train.batch_size=8,16", "leave one out"),
        ("--grid train.batch_size=8,16 --seeds a", "whole numbers"),
        ("--tpe 5 --range loss.weights.kl=1e-4:1:log", "--metric val/image_mse"),
        ("--tpe 5 --range optimizer.learning_rate=1e-4:1 --metric val/x", "must be one of"),
        ("--tpe 5 --range optimizer.learning_rate=1e-4:1 --print", "--random N"),
        ("--file nowhere.yaml", "cannot be read"),
    ],
)
def test_wrong_flags_are_told_in_one_sentence(tmp_path, capsys, flags, words):
    assert ask(*flags.split(), "--out", tmp_path / "x") == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_a_crash_is_told_and_stops_nothing(tmp_path):
    made = some(tmp_path)
    running = runner({2.0: "crash"})
    running.run(made)
    assert [running.states[t.name] for t in made] == [FINISHED, CRASHED, FINISHED]
    assert running.reasons[made[1].name] == "error: made to crash"


def test_finished_runs_are_kept_and_others_run_again(tmp_path):
    made = some(tmp_path)
    runner({2.0: "crash"}).run(made)
    runner().run(made)
    assert [starts(trial) for trial in made] == [1, 2, 1]
    assert all(trial.finished for trial in made)


def test_runs_go_side_by_side(tmp_path):
    made = some(tmp_path, (1.0, 2.0))
    running = runner({1.0: "slow", 2.0: "slow"}, parallel=2)
    stop_when(lambda: all(starts(trial) for trial in made))
    with pytest.raises(KeyboardInterrupt):
        running.run(made)


def test_an_interruption_ends_the_runs(tmp_path):
    made = some(tmp_path)
    stop_when(lambda: starts(made[1]))
    with pytest.raises(KeyboardInterrupt):
        runner({2.0: "slow"}).run(made)
    # The slow trial would have finished, had it been waited for.
    assert made[0].finished and not made[1].finished and starts(made[2]) == 0


def stop_when(ready):
    """Send this process SIGTERM once `ready()`, as a cluster does."""
    import threading

    def wait():
        while not ready():
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_another_sweep_in_the_same_place_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "carry_out", lambda *_: [])
    assert ask("--grid", "train.batch_size=8,16", "--out", tmp_path / "x") == 0
    assert ask("--grid", "train.batch_size=8,16", "--out", tmp_path / "x") == 0
    assert ask("--grid", "train.batch_size=8,32", "--out", tmp_path / "x") == 2
    assert "--out NEW" in capsys.readouterr().err


def test_tpe_closes_in_and_continues_alike(tmp_path):
    pytest.importorskip("optuna")
    made = Space({}, {"x": Range(-5.0, 5.0)}, {})
    history = []
    for _ in range(25):
        setting = tpe.propose(made, history, less=True)
        assert setting == tpe.propose(made, history, less=True)
        history.append((setting, (setting["x"] - 1.0) ** 2 if len(history) != 3 else None))
    late = [abs(setting["x"] - 1.0) for setting, _ in history[15:]]
    assert min(late) < 0.5 and sorted(late)[5] < 2.0


def test_runs_are_grouped(tmp_path):
    running = runner()
    program = "import os, sys; sys.exit('grouped: ' + os.environ['WANDB_RUN_GROUP'])"
    running.command = lambda trial: [sys.executable, "-c", program]
    made = some(tmp_path, (1.0,))
    running.run(made)
    assert running.reasons[made[0].name] == "grouped: group"


def test_tpe_runs_through_the_plan(tmp_path):
    pytest.importorskip("optuna")
    made = plan.Plan(
        Space({}, {"x": Range(-1.0, 1.0)}, {}), plan.TPE, 4, [0], plan._target("val/loss_total")
    )
    first = plan.carry_out(made, tmp_path, runner())
    again = plan.carry_out(made, tmp_path, runner())
    assert [trial.setting for trial in first] == [trial.setting for trial in again]
    assert [starts(trial) for trial in first] == [1, 1, 1, 1]


def test_a_sweep_from_the_command_line(sprites_dataset, tmp_path):
    """Two real runs; one of them crashes at once, and the other is reported."""
    config_file = tmp_path / "small.py"
    config_file.write_text(
        "from support import tiny\n\n\ndef get_config():\n"
        "    return tiny.config(data__image_size=32, "
        f"data__channels=3, data__dir={str(sprites_dataset)!r}, train__epochs=1, "
        "eval__num_samples=2, wandb__mode='disabled').lock()\n"
    )
    command = [sys.executable, "-m", "mmvae.sweep", "--config", str(config_file)]
    command += ["--grid", "train.batch_size=8,9", "--out", str(tmp_path / "x")]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "batch_size=9 must divide evenly" in done.stderr
    whole = tmp_path / "x" / "batch_size-8_seed-0"
    assert json.loads((whole / "config.json").read_text())["name"] == whole.name
    assert (whole / "report.html").stat().st_size > 10_000
    assert (tmp_path / "x" / "comparison.html").exists()
    assert "Is my learning rate right?" in (whole / "log.txt").read_text()
