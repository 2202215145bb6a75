"""What is told of a run when its training ends, well or not."""

import pytest

from mmvae.reporting.ending import reported
from support.run_files import copy


class Stopped(Exception):
    """Stands for the one error after which there is something to tell."""


def test_training_ends_with_the_five_verdicts_and_a_page(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path)
    with reported(tmp_path, Stopped):
        pass
    out = capsys.readouterr().out
    assert out.count("?") == 5 and "report.html" in out
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_an_unfinished_run_is_not_reported(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:20]))
    with reported(tmp_path, Stopped):
        pass
    assert not (tmp_path / "report.html").exists() and capsys.readouterr().out == ""


def test_nothing_is_told_of_a_run_that_stopped_before_its_first_row(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path, without=("report.html",))
    (tmp_path / "metrics.jsonl").write_text("")
    with reported(tmp_path, Stopped):
        pass
    assert not (tmp_path / "report.html").exists() and capsys.readouterr() == ("", "")


def test_a_report_that_fails_does_not_fail_the_training(tmp_path, capsys):
    with reported(tmp_path / "nowhere", Stopped):
        pass
    assert "no report" in capsys.readouterr().err


def test_one_kind_of_error_is_reported_and_still_raised(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path, without=("report.html",))
    with pytest.raises(Stopped), reported(tmp_path, Stopped):
        raise Stopped
    assert (tmp_path / "report.html").exists() and "report.html" in capsys.readouterr().out


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_other_ends_are_not_reported(driven, tmp_path, capsys, error):
    copy(driven / "healthy", tmp_path, without=("report.html",))
    with pytest.raises(error), reported(tmp_path, Stopped):
        raise error
    assert not (tmp_path / "report.html").exists() and capsys.readouterr().out == ""
