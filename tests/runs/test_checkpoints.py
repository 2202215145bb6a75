"""Checkpoints survive NaN losses, damage, kills and full disks; stop requests save and end."""

import os
import signal
import socket
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.runs.checkpoints import Checkpoints, DamagedCheckpoint
from mmvae.training.preemption import StopRequest
from support.places import ROOT
from support.states import ABSTRACT, assert_same, flip_byte, largest, make_state


def save_steps(directory, *steps, **options):
    with Checkpoints(directory, **options) as checkpoints:
        for step in steps:
            assert checkpoints.save(step, make_state(step), {"epoch": step})


def python(code, *args, **kwargs):
    """Starts a Python process on CPU that can import what this file can."""
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )


# What is kept.


def test_keeps_the_best_and_the_latest_through_nan_and_missing_losses(tmp_path):
    losses = [3.0, None, float("nan"), np.float32(2), jnp.float32(5), None, float("inf"), 4.0]
    kept = []
    with Checkpoints(tmp_path, keep_latest=1) as checkpoints:
        for step, loss in enumerate(losses):
            assert checkpoints.save(step, {"w": np.ones(2)}, {}, loss)
            assert checkpoints.wait()
            kept.append((checkpoints.all_steps(), checkpoints.best_step()))
    assert kept == [
        ([0], 0),
        ([0, 1], 0),
        ([0, 2], 0),
        ([3], 3),
        ([3, 4], 3),
        ([3, 5], 3),
        ([3, 6], 3),
        ([3, 7], 3),
    ]
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.best_val_loss() == 2.0
        assert (checkpoints.best_step(), checkpoints.latest_step()) == (3, 7)


def test_the_best_is_known_while_it_is_still_being_written(tmp_path):
    losses = (3.0, 2.0, 4.0)
    with Checkpoints(tmp_path) as checkpoints:
        for step, loss in enumerate(losses):
            checkpoints.save(step, {"w": np.ones(20_000_000)}, {}, loss)
            assert checkpoints.best_val_loss() == min(losses[: step + 1])


def test_no_finite_loss_means_no_best_and_best_falls_to_the_latest(tmp_path):
    save_steps(tmp_path, 1, 2)
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.best_step() is None and checkpoints.best_val_loss() is None
        assert checkpoints.restore("best", ABSTRACT)[0] == 2


def test_round_trip_is_bit_for_bit_although_the_state_is_donated_after_save(tmp_path):
    donate = jax.jit(lambda tree: jax.tree.map(lambda x: x * 0, tree), donate_argnums=0)
    state = make_state(7)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(7, state, {"epoch": 1, "batch": 30})
        jax.block_until_ready(donate((state.params, state.opt_state)))
        step, restored, position = checkpoints.restore_latest(ABSTRACT)
    assert (step, position) == (7, {"epoch": 1, "batch": 30})
    assert_same(restored, make_state(7))


def test_the_same_step_twice_is_safe_and_an_older_one_is_an_error(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.save(5, make_state(5), {"epoch": 5})
        assert checkpoints.save(5, make_state(6), {"epoch": 6})
        with pytest.raises(ValueError, match="step 4 is older than checkpoint 5 in .*--workdir"):
            checkpoints.save(4, make_state(4), {})
        _, restored, position = checkpoints.restore_latest(ABSTRACT)
    assert position == {"epoch": 5}
    assert_same(restored, make_state(5))


# Reading parts, and clear errors.


def test_restore_subtree_needs_no_template(tmp_path):
    save_steps(tmp_path, 3)
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        ema = checkpoints.restore_subtree("latest", "ema_params")
        assert_same(ema, jax.device_get(make_state(3).ema_params))
        assert isinstance(ema["encoder"]["kernel"], np.ndarray)
        assert_same(checkpoints.restore_subtree(3, "step"), np.int32(3))
        with pytest.raises(ValueError, match="has no 'emma'; it has ema_params, key, opt_state"):
            checkpoints.restore_subtree("latest", "emma")


def test_another_shape_is_one_short_error_and_no_noise(tmp_path, capfd):
    save_steps(tmp_path, 3)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(ValueError) as error:
            checkpoints.restore_latest(jax.eval_shape(lambda: make_state(width=9)))
        assert checkpoints.all_steps() == [3]
    message = str(error.value)
    assert not isinstance(error.value, DamagedCheckpoint)
    assert "params/encoder/kernel is float32[4,8] there and float32[4,9] here" in message
    assert "and 5 more" in message and "config.json" in message and "\n" not in message
    assert capfd.readouterr().err == ""


def test_a_field_that_is_only_on_one_side_is_named(tmp_path):
    save_steps(tmp_path, 3)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(ValueError, match=r"extra is absent there and float32\[2\] here"):
            checkpoints.restore("latest", {"extra": np.zeros(2, np.float32)})


def test_empty_directory_and_unknown_step_are_clear_errors(tmp_path):
    directory = tmp_path / "run" / "checkpoints"
    with Checkpoints(directory, read_only=True) as checkpoints:
        assert checkpoints.restore_latest(ABSTRACT) is None
        with pytest.raises(ValueError, match="no checkpoints in .*mmvae.main --workdir .*/run"):
            checkpoints.restore("best", ABSTRACT)
    assert not directory.exists()
    save_steps(directory, 3, 4)
    with Checkpoints(directory, read_only=True) as checkpoints:
        with pytest.raises(ValueError, match='no checkpoint 99 in .* "best", "latest" and 3, 4'):
            checkpoints.restore_subtree(99, "params")


# Damage.


DAMAGES = {
    "flipped byte": flip_byte,
    "truncated": lambda step: os.truncate(largest(step), 10),
    "missing data": lambda step: largest(step).unlink(),
    "missing tree": lambda step: (step / "state" / "_METADATA").unlink(),
    "position changed": lambda step: (step / "position" / "metadata").write_text('{"epoch": 0}'),
    "loss missing": lambda step: (step / "metrics" / "metrics").unlink(),
    "loss unreadable": lambda step: (step / "metrics" / "metrics").write_text("{"),
    "sums missing": lambda step: (step / "sha256.json").unlink(),
    "sums unreadable": lambda step: (step / "sha256.json").write_bytes(b"\xff{"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_is_named_and_the_one_before_is_used(tmp_path, caplog, damage):
    save_steps(tmp_path, 1, 2)
    DAMAGES[damage](tmp_path / "2")
    with Checkpoints(tmp_path) as checkpoints:
        step, restored, position = checkpoints.restore_latest(ABSTRACT)
        assert (step, position) == (1, {"epoch": 1})
        assert_same(restored, make_state(1))
        [warning] = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert str(tmp_path / "2") in warning and "damaged" in warning and "\n" not in warning
        assert checkpoints.save(2, make_state(2), {"epoch": 2})
        assert_same(checkpoints.restore_latest(ABSTRACT)[1], make_state(2))
    assert sorted(os.listdir(tmp_path)) == ["1", "2", "2.corrupt"]


def test_the_older_best_is_used_when_it_is_the_only_intact_one(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step, loss in [(1, 0.5), (2, 1.0), (3, 1.0), (4, 1.0)]:
            checkpoints.save(step, make_state(step), {}, loss)
    for step in ("3", "4"):
        flip_byte(tmp_path / step)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore_latest(ABSTRACT)[0] == 1
        assert checkpoints.all_steps() == [1]


def test_read_only_falls_back_but_renames_nothing(tmp_path):
    save_steps(tmp_path, 1, 2)
    flip_byte(tmp_path / "2")
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.restore_latest(ABSTRACT)[0] == 1
        with pytest.raises(DamagedCheckpoint, match="/2 is damaged .*differs from its checksum"):
            checkpoints.restore_subtree("latest", "params")
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]


def test_all_damaged_is_an_error_and_not_a_fresh_start(tmp_path):
    save_steps(tmp_path, 1, 2)
    for step in ("1", "2"):
        flip_byte(tmp_path / step)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(DamagedCheckpoint, match="all checkpoints in .* are damaged.*--workdir"):
            checkpoints.restore_latest(ABSTRACT)
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]


# Interrupted and failed writes.

KILLED = """
import sys, time, numpy as np
from mmvae.runs.checkpoints import Checkpoints
from support.places import ROOT
from support.states import make_state
checkpoints = Checkpoints(sys.argv[1])
checkpoints.save(1, make_state(1), {"epoch": 1})
checkpoints.wait()
checkpoints.save(2, {"w": np.random.default_rng(0).random(12_000_000)}, {})
print("saving", flush=True)
time.sleep(60)
"""


def test_kill_in_the_middle_of_a_save_leaves_the_one_before(tmp_path):
    process = python(KILLED, tmp_path)
    assert process.stdout.readline() == "saving\n"
    process.kill()
    process.communicate()
    left = sorted(os.listdir(tmp_path))
    assert left[0] == "1" and left[1].startswith("2.orbax-checkpoint-tmp") and len(left) == 2
    with Checkpoints(tmp_path) as checkpoints:
        step, restored, _ = checkpoints.restore_latest(ABSTRACT)
        assert step == 1
        assert_same(restored, make_state(1))
        assert checkpoints.save(2, make_state(2), {})
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]


def test_an_old_step_that_was_half_removed_is_harmless(tmp_path, caplog):
    save_steps(tmp_path, 1, 2)
    (tmp_path / "1" / "metrics" / "metrics").unlink()
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.restore_latest(ABSTRACT)[0] == 2
    save_steps(tmp_path, 3)
    assert sorted(os.listdir(tmp_path)) == ["2", "3"] and not caplog.records


DISK_FULL = """
import os, resource, signal, sys, numpy as np
from mmvae.runs.checkpoints import Checkpoints
from support.places import ROOT
from support.states import ABSTRACT, make_state
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Checkpoints(sys.argv[1], keep_latest=1) as checkpoints:
    checkpoints.save(1, make_state(1), {})
    checkpoints.wait()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    checkpoints.save(2, {"w": np.random.default_rng(0).random(100_000)}, {})
    assert not checkpoints.save(3, make_state(3), {})  # reports step 2, and writes step 3
    assert sorted(os.listdir(sys.argv[1]))[0] == "1", os.listdir(sys.argv[1])
    assert checkpoints.wait()
    checkpoints.save(4, {"w": np.random.default_rng(0).random(100_000)}, {})
    assert not checkpoints.wait()
    assert checkpoints.all_steps() == [3] and os.listdir(sys.argv[1]) == ["3"]
    assert checkpoints.restore_latest(ABSTRACT)[0] == 3
"""


def test_a_full_disk_is_one_line_and_training_goes_on(tmp_path):
    process = python(DISK_FULL, tmp_path)
    _, stderr = process.communicate(timeout=180)
    assert process.returncode == 0, stderr
    first, second = stderr.splitlines()
    assert "checkpoint 2 was not written (" in first and "File too large" in first
    assert "checkpoint 4 was not written (" in second and "stored: 3" in second


# Stop requests.

TRAINING = """
import sys, time
from mmvae.training.preemption import StopRequest
with StopRequest() as stop:
    for step in range(1000):
        print("begin", step, flush=True)
        end = time.monotonic() + float(sys.argv[1])
        while time.monotonic() < end:  # a signal just before one long sleep would wait for its end
            time.sleep(0.01)
        print("end", step, flush=True)
        if stop.should_stop(step):
            break
sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_step_finish(signum):
    process = python(TRAINING, 0.3)
    assert process.stdout.readline() == "begin 0\n"
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=180)
    assert stdout == "end 0\n"
    assert stderr.strip() == f"{signum.name}: finishing the step, saving; press again to quit now"
    assert process.returncode == 128 + signum


def test_the_second_signal_quits_at_once():
    process = python(TRAINING, 600)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    while "press again" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT


def test_old_handlers_come_back_and_no_signal_means_no_stop():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        assert signal.getsignal(signal.SIGTERM) != before[0]
        assert not stop.should_stop(1) and stop.exit_code == 0
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


# Two processes.

TWO = """
import sys, time
port, index, directory, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
import jax
jax.distributed.initialize(
    f"127.0.0.1:{port}", 2, index, heartbeat_timeout_seconds=100, shutdown_timeout_seconds=150
)
import numpy as np
from mmvae.runs.checkpoints import Checkpoints
from mmvae.training.preemption import StopRequest
from support.places import ROOT
from support.states import ABSTRACT, assert_same, flip_byte, make_state
mesh = jax.make_mesh((jax.device_count(),), ("devices",))
replicated = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

def on_all_devices(state):
    place = lambda x: jax.make_array_from_callback(x.shape, replicated, lambda index: x[index])
    return jax.tree.map(place, jax.device_get(state.replace(key=None)))

from pathlib import Path
abstract = ABSTRACT.replace(key=None)
with Checkpoints(directory) as checkpoints:
    assert checkpoints.save(1, on_all_devices(make_state(1)), {"epoch": 1}, 0.5)
    assert checkpoints.save(2, on_all_devices(make_state(2)), {"epoch": 2}, 0.7)
    assert checkpoints.wait()
    if index == 0:
        flip_byte(Path(directory) / "2")
    jax.experimental.multihost_utils.sync_global_devices("damaged")
    step, restored, position = checkpoints.restore_latest(abstract)
    assert (step, position) == (1, {"epoch": 1})
    assert_same(restored, make_state(1).replace(key=None))
    with StopRequest() as stop:
        for step in range(2, 10_000):
            if step == 5:
                Path(out, str(index)).touch()
            time.sleep(0.01 * (index + 1))
            if stop.should_stop(step):
                break
    assert checkpoints.save(step, on_all_devices(make_state(step)), {"epoch": step})
Path(out, f"stopped{index}").write_text(str(step))
sys.exit(stop.exit_code)
"""


def test_two_processes_save_fall_back_and_agree_on_the_step_to_stop(tmp_path):
    directory, out = tmp_path / "checkpoints", tmp_path / "out"
    out.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [python(TWO, port, index, directory, out) for index in (0, 1)]
    while not (out / "1").exists() and all(p.poll() is None for p in processes):
        time.sleep(0.1)
    processes[1].send_signal(signal.SIGINT)  # passed on as SIGTERM, which JAX tells the others
    stderr = [process.communicate(timeout=240)[1] for process in processes]
    assert [p.returncode for p in processes] == [143, 130], "\n".join(stderr)
    steps = {int((out / f"stopped{index}").read_text()) for index in (0, 1)}
    assert len(steps) == 1
    with Checkpoints(directory) as checkpoints:
        step, restored, _ = checkpoints.restore_latest(ABSTRACT.replace(key=None))
    assert steps == {step}
    assert_same(restored, make_state(step).replace(key=None))
