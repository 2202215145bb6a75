"""The sweep command."""

import json
import os
import subprocess
import sys

import pytest

from mmvae import command_line, files, sweep
from mmvae.sweeps import plan
from support.places import ROOT

BASE = str(ROOT / "configs" / "base.py")
SHIPPED = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))


def ask(*arguments):
    return command_line.run(sweep.main, ["--config", BASE, *map(str, arguments)])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_make_six_runs(path, capsys):
    assert ask("--file", path, "--out", "sweeps/x", "--print") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and len(set(lines)) == 6
    assert all(line.startswith("WANDB_RUN_GROUP=x python -m mmvae.main") for line in lines)


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


def test_another_sweep_in_the_same_place_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "carry_out", lambda *_: [])
    assert ask("--grid", "train.batch_size=8,16", "--out", tmp_path / "x") == 0
    assert ask("--grid", "train.batch_size=8,16", "--out", tmp_path / "x") == 0
    assert ask("--grid", "train.batch_size=8,32", "--out", tmp_path / "x") == 2
    told = "choices ({'train.batch_size': [8, 16]} there, {'train.batch_size': [8, 32]} here)"
    assert f"{told}; type --out NEW" in capsys.readouterr().err


def test_one_process_at_a_time_runs_a_sweep(tmp_path, capsys):
    with files.alone(tmp_path / files.LOCK, "runs the sweep", "wait"):
        assert ask("--grid", "train.batch_size=8,16", "--out", tmp_path) == 2
    assert f"process {os.getpid()} on " in capsys.readouterr().err
    assert not (tmp_path / "sweep.json").exists()


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
