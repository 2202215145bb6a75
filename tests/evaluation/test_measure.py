"""What is measured where a run's data set is not where it was."""

import json
from pathlib import Path

import pytest

from mmvae import command_line, evaluate
from support import earlier_runs

FLAGS = ["--workdir", "finished", "--metrics", "losses", "--out", "evaluation.json"]


@pytest.fixture(autouse=True)
def moved(tmp_path, monkeypatch):
    """A run in the current folder, and its data set under another name."""
    monkeypatch.chdir(earlier_runs.unpack(tmp_path))
    Path("dataset").rename("moved")


def test_a_data_set_that_has_moved_is_asked_for(capsys):
    assert command_line.run(evaluate.main, FLAGS) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "finished was trained on dataset, and no data set is there; type --data DATASET" in told


def test_it_is_measured_where_it_lies_now(capsys):
    assert command_line.run(evaluate.main, [*FLAGS, "--data", "moved"]) == 0
    result = json.loads(Path("evaluation.json").read_text())
    assert result["data"] == "moved"
    assert "dataset is gone: training pairs are those of moved." in result["notes"]
