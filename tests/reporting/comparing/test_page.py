"""The report of several runs, written by the command."""

import pytest

from mmvae import command_line, report
from mmvae.reporting import runs
from mmvae.reporting.comparing import page
from mmvae.reporting.comparing.comparison import compare
from support.run_files import copy, variants


@pytest.mark.parametrize("ending", ["html", "md"])
def test_the_command_compares_runs(driven, tmp_path, ending):
    out = tmp_path / f"comparison.{ending}"
    names = [str(driven / name) for name in ("healthy", "high", "low", "collapsed")]
    assert command_line.run(report.main, [*names, "--out", str(out)]) == 0
    text = out.read_text()
    for words in ("learning_rate", "What mattered", "Too few runs", "Settings, best first"):
        assert words in text
    assert ending == "md" or "<svg" in text


def test_runs_without_metrics_are_left_out_and_named(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path, without=("metrics.jsonl",))
    names = [str(driven / "healthy"), str(driven / "low"), str(tmp_path)]
    assert command_line.run(report.main, [*names, "--csv", str(tmp_path / "x.csv")]) == 0
    assert f"left out: {tmp_path} has no metrics yet" in capsys.readouterr().err


def test_seeds_share_a_colour(driven, tmp_path):
    changes = {"a": {"seed": 0}, "b": {"seed": 1}, "c": {"train.batch_size": 8}}
    compared = compare([runs.load(folder) for folder in variants(driven, tmp_path, changes)])
    lines = page.content(compared)["panels"][0].lines
    assert lines[0].colour == lines[1].colour != lines[2].colour
