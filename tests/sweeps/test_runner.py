"""Running trials, with some that take no time."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from mmvae.sweeps.trials import CRASHED, FINISHED
from support.places import ROOT
from support.quick_trials import runner, some, starts


def test_a_crash_is_told_and_stops_nothing(tmp_path):
    every = some(tmp_path)
    running = runner({2.0: "crash"})
    running.run(every)
    assert [running.states[t.name] for t in every] == [FINISHED, CRASHED, FINISHED]
    assert running.reasons[every[1].name] == "error: made to crash"


def test_finished_runs_are_kept_and_others_run_again(tmp_path):
    every = some(tmp_path)
    runner({2.0: "crash"}).run(every)
    runner().run(every)
    assert [starts(trial) for trial in every] == [1, 2, 1]
    assert all(trial.finished for trial in every)


def test_runs_go_side_by_side(tmp_path):
    every = some(tmp_path, (1.0, 2.0))
    running = runner({1.0: "slow", 2.0: "slow"}, parallel=2)
    stop_when(lambda: all(starts(trial) for trial in every))
    with pytest.raises(KeyboardInterrupt):
        running.run(every)


def test_an_interruption_ends_the_runs(tmp_path):
    every = some(tmp_path)
    stop_when(lambda: starts(every[1]))
    with pytest.raises(KeyboardInterrupt):
        runner({2.0: "slow"}).run(every)
    # The slow trial would have finished, had it been waited for.
    assert every[0].finished and not every[1].finished and starts(every[2]) == 0


KILLED = """
import pathlib, sys
from support.quick_trials import runner, some
runner({1.0: "slow", 2.0: "slow"}, parallel=2).run(some(pathlib.Path(sys.argv[1]), (1.0, 2.0)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_kill_of_the_sweep_ends_its_runs_too(tmp_path):
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}) as process:
        while not all(starts(trial) for trial in some(tmp_path, (1.0, 2.0))):
            assert process.poll() is None
            time.sleep(0.05)
        trials = psutil.Process(process.pid).children(recursive=True)
        assert len(trials) == 2
        process.kill()
    _, alive = psutil.wait_procs(trials, timeout=10)
    assert not alive


def stop_when(ready):
    """Send this process SIGTERM once `ready()`, as a cluster does."""

    def wait():
        while not ready():
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_runs_are_grouped(tmp_path):
    running = runner()
    program = "import os, sys; sys.exit('grouped: ' + os.environ['WANDB_RUN_GROUP'])"
    running.command = lambda trial: [sys.executable, "-c", program]
    every = some(tmp_path, (1.0,))
    running.run(every)
    assert running.reasons[every[0].name] == "grouped: group"
