"""What a run may go on with, and what it refuses; on runs that were trained before."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from mmvae import config as configs
from mmvae import files
from mmvae.errors import UserError
from mmvae.reporting.ending import reported
from mmvae.runs import directory
from mmvae.runs.writers import read_rows
from mmvae.training import optimizer
from mmvae.training.journal import Diverged
from mmvae.training.loop import train
from mmvae.training.program import Program
from support import earlier_runs

STEPS_PER_EPOCH, EPOCHS = 3, 3  # of the finished run
RUN = Path("finished")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The runs, in the current folder."""
    monkeypatch.chdir(earlier_runs.unpack(tmp_path))


def changed(**values):
    """The configuration of the finished run with fields set; "__" stands for "."."""
    config = configs.of_run(RUN)
    config.update_from_flattened_dict({k.replace("__", "."): v for k, v in values.items()})
    return config


def facts():
    return json.loads((RUN / directory.FACTS).read_text())


def test_a_finished_run_goes_on_for_more_epochs():
    longer = changed(train__epochs=EPOCHS + 1, train__log_every_steps=1)
    assert train(longer, RUN) == 0
    rows = read_rows(RUN / directory.METRICS)
    total = STEPS_PER_EPOCH * (EPOCHS + 1)
    assert [row["step"] for row in rows if "val/loss_total" in row] == [3, 6, 9, total]
    # From there on the schedule is that of a run of the new length.
    schedule = optimizer.learning_rate(longer.optimizer, total)
    rates = {row["step"]: row["train/learning_rate"] for row in rows[-4:-1]}
    wanted = {step + 1: float(schedule(step)) for step in range(9, total)}
    assert rates == pytest.approx(wanted)
    assert configs.of_run(RUN).train.epochs == EPOCHS + 1
    told = {"train.epochs": [EPOCHS, EPOCHS + 1], "train.log_every_steps": [2, 1]}
    assert facts()["continued"] == [{"step": 9, "changed": told}]
    assert facts()["total_steps"] == total


def test_a_run_does_not_go_back():
    before = (RUN / directory.CONFIG).read_bytes()
    with pytest.raises(
        UserError, match=r"epochs=2 is less .* \(9 steps\); type .*epochs=3 or more"
    ):
        train(changed(train__epochs=2), RUN)
    assert (RUN / directory.CONFIG).read_bytes() == before


def test_a_data_set_that_has_moved_is_found_again(capsys):
    Path("dataset").rename("elsewhere")
    with pytest.raises(
        UserError, match=r"config.data.dir=dataset .*type --config.data.dir=DATASET"
    ):
        train(changed(), RUN)
    assert train(changed(data__dir="elsewhere/"), RUN) == 0
    assert "config.data.dir: dataset before, elsewhere/ now" in capsys.readouterr().out
    assert configs.of_run(RUN).data.dir == "elsewhere/"
    assert facts()["continued"][0]["changed"] == {"data.dir": ["dataset", "elsewhere/"]}


def test_a_refusal_tells_nothing_old(capsys):
    with pytest.raises(UserError, match=r"seed \(0 there, 1 here\)"), reported(RUN, Diverged):
        train(changed(seed=1), RUN)
    assert not (RUN / directory.REPORT).exists()
    assert capsys.readouterr().out == ""


def test_one_process_at_a_time_trains_in_a_directory():
    before = {path: path.read_bytes() for path in RUN.iterdir() if path.is_file()}
    with files.alone(RUN / directory.LOCK, "is training in finished", "wait"):
        with pytest.raises(UserError, match=r"^process \d+ on \S+ is training in finished; wait"):
            train(changed(), RUN)
    assert {path: path.read_bytes() for path in RUN.iterdir() if path.is_file()} == before


def test_a_stop_request_does_not_wait_for_what_is_being_made(monkeypatch):
    go = threading.Event()

    def endless(program):
        os.kill(os.getpid(), signal.SIGTERM)
        go.wait(600)

    monkeypatch.setattr(Program, "initial_state", endless)
    new = Path("new")
    assert train(changed(), new) == 128 + signal.SIGTERM
    go.set()
    # Nothing is left that the same command would stumble over.
    assert [path.name for path in new.iterdir()] == [directory.CHECKPOINTS]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
