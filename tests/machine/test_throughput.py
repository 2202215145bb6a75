"""The clock of a run leaves out what is not training; gauges of the machine."""

import jax
import psutil
import pytest

from mmvae.machine.throughput import Start, Throughput, system_gauges


class FakeTime:
    """A clock that moves only when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds

    def pass_by(self, seconds):
        self.seconds += seconds


def train_step(clock, now, wait=0.5, work=1.5):
    with clock.waiting():
        now.pass_by(wait)
    now.pass_by(work)
    clock.step(8)


def test_rates_leave_out_compilation_and_pauses():
    now = FakeTime()
    clock = Throughput(now)
    train_step(clock, now, wait=9, work=60)
    train_step(clock, now)
    with clock.paused():
        now.pass_by(500)
        with clock.paused():
            now.pass_by(500)
        with clock.waiting():
            now.pass_by(500)
    train_step(clock, now)
    expected = {"images_per_second": 4.0, "step_seconds": 2.0, "data_wait_percent": 25.0}
    assert clock.run() == expected
    assert clock.eta_seconds(10) == 20


def test_a_window_starts_where_the_last_one_ended():
    now = FakeTime()
    clock = Throughput(now)
    train_step(clock, now)
    train_step(clock, now, wait=0, work=1)
    assert clock.window()["step_seconds"] == 1
    train_step(clock, now, wait=3, work=0)
    assert clock.window() == {
        "images_per_second": pytest.approx(8 / 3),
        "step_seconds": 3,
        "data_wait_percent": 100,
    }
    assert clock.run()["step_seconds"] == 2


def test_rates_read_during_a_pause_do_not_count_it():
    now = FakeTime()
    clock = Throughput(now)
    train_step(clock, now)
    train_step(clock, now)
    with clock.paused():
        now.pass_by(500)
        assert clock.run()["step_seconds"] == 2


def test_nothing_is_claimed_before_the_second_step():
    clock = Throughput(FakeTime())
    assert clock.run() == clock.window() == {}
    clock.step(8)
    assert clock.run() == clock.window() == {}
    assert clock.eta_seconds(5) is None


def test_a_pause_that_fails_still_ends():
    now = FakeTime()
    clock = Throughput(now)
    train_step(clock, now)
    with pytest.raises(ZeroDivisionError), clock.paused():
        now.pass_by(500)
        raise ZeroDivisionError
    train_step(clock, now)
    assert clock.run()["step_seconds"] == 2


class Device:
    def __init__(self, stats):
        self._stats = stats

    def memory_stats(self):
        return self._stats


def test_gauges_of_a_machine_without_memory_statistics(monkeypatch):
    assert set(system_gauges()) >= {"cpu_percent", "host_memory_percent"}
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(None)])
    assert "gpu_memory_percent" not in system_gauges()


def test_gpu_memory_is_of_the_fullest_device(monkeypatch):
    stats = [{"peak_bytes_in_use": used, "bytes_limit": 40} for used in (10, 30)]
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(s) for s in stats])
    assert system_gauges()["gpu_memory_percent"] == 75


def test_the_parts_of_a_start_add_up():
    now = psutil.Process().create_time()
    times = iter([now + 2.0, now + 5.5])
    start = Start(lambda: next(times))
    start.reached("libraries")
    start.reached("step")
    assert start.told() == "5.5 s after the process began: libraries 2.0, step 3.5"
