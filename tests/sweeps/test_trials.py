"""Trials: their names, directories and commands."""

import shlex
import sys

import pytest

from mmvae.sweeps.trials import Trial, shell, trials

FIELDS = ["train.batch_size", "loss.weights.image", "loss.cross.image"]


def test_names_spell_what_varies_by_its_shortest_name(tmp_path):
    setting = {"train.batch_size": 8, "loss.weights.image": 0.5, "loss.cross.image": True}
    first, second = trials([setting], [0, 7], tmp_path, FIELDS)
    assert first.name == "batch_size-8_weights.image-0.5_cross.image-true_seed-0"
    assert second.name.endswith("_seed-7") and second.path == tmp_path / second.name


def test_names_fit_every_file_system(tmp_path):
    (trial,) = trials([{"data.dir": "a/b c:d"}], [0], tmp_path, ["data.dir"])
    assert trial.name == "dir-a-b-c-d_seed-0"


def test_a_sweep_of_seeds_alone_has_names_too(tmp_path):
    assert [t.name for t in trials([{}], [0, 1], tmp_path, [])] == ["run_seed-0", "run_seed-1"]


def test_settings_can_be_counted_instead(tmp_path):
    settings = [{"train.batch_size": 8}, {"train.batch_size": 16}]
    names = [trial.name for trial in trials(settings, [0], tmp_path, FIELDS, True, 5)]
    assert names == ["trial-005_seed-0", "trial-006_seed-0"]


def test_the_command_sets_what_varies_over_what_holds_for_all(tmp_path):
    trial = Trial("x", {"train.batch_size": 8, "data.augment": False}, 3, tmp_path / "x")
    words = trial.command("small.py", {"train.batch_size": 4, "optimizer.learning_rate": 1e-4})
    assert words[:5] == [sys.executable, "-m", "mmvae.main", "--config", "small.py"]
    flags = dict(word.removeprefix("--config.").split("=") for word in words[7:])
    assert flags == {
        "train.batch_size": "8",
        "optimizer.learning_rate": "0.0001",
        "data.augment": "false",
        "seed": "3",
        "name": "x",
    }


def test_commands_can_be_pasted_into_a_shell(tmp_path):
    command = Trial("x", {"name": "a b"}, 0, tmp_path / "with space").command("small.py", {})
    line = shell(command, "my group")
    assert shlex.split(line)[0] == "WANDB_RUN_GROUP=my group"
    assert shlex.split(line)[2:] == command[1:], "python stands for this interpreter"


def test_what_has_not_begun_is_not_finished(tmp_path):
    trial = Trial("x", {}, 0, tmp_path / "x")
    assert trial.run() is None and not trial.finished


@pytest.mark.parametrize("logged, finished", [(1, False), (2, True)])
def test_a_run_is_finished_with_its_last_epoch(tmp_path, logged, finished):
    (tmp_path / "config.json").write_text('{"train": {"epochs": 2}}')
    rows = [f'{{"step": {n}, "epoch": {n}, "val/loss_total": 1.0}}\n' for n in range(1, logged + 1)]
    (tmp_path / "metrics.jsonl").write_text("".join(rows))
    assert Trial("x", {}, 0, tmp_path).finished == finished
