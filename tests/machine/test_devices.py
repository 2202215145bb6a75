"""Devices in words, what they reach, and their memory."""

import sys

import jax
import pytest

from mmvae.machine import devices


class Device:
    """A device whose allocator tells its peak, or None."""

    def __init__(self, peak, kind="gpu"):
        self._peak, self.device_kind = peak, kind

    def memory_stats(self):
        return None if self._peak is None else {"peak_bytes_in_use": self._peak}


def test_devices_are_counted_by_kind(monkeypatch):
    kinds = [Device(None, "A"), Device(None, "A"), Device(None, "B")]
    monkeypatch.setattr(jax, "devices", lambda: kinds)
    assert devices.devices() == f"2 x A, 1 x B, 1 process, JAX {jax.__version__}"
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    assert "3 processes" in devices.devices()


def test_the_rate_of_a_product_is_of_all_devices(monkeypatch):
    seconds = {512: 0.01, 1024: 0.02, 2048: 0.5, 4096: 0.01}
    monkeypatch.setattr(devices, "_product_seconds", lambda size, *_: seconds[size])
    rate, size = devices.matmul_peak("float32", 1.0)
    # 2048 takes longer than is tried further, so 4096 is never measured.
    assert size == 1024
    assert rate == pytest.approx(2 * 1024**3 / 0.02 * jax.device_count())


def test_a_real_product_is_timed():
    assert 0 < devices._product_seconds(64, "float32", 0.001) < 10


def test_memory_is_of_the_fullest_device_where_devices_tell(monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(10), Device(30), Device(None)])
    assert devices.peak_memory() == (30, "device")


def test_memory_is_of_the_process_where_devices_do_not_tell(monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(None)])
    peak, where = devices.peak_memory()
    assert where == "process" and 50 * 2**20 < peak < 2**40
    monkeypatch.setattr(sys, "platform", "darwin")  # counts bytes, not kilobytes
    assert devices.peak_memory()[0] == pytest.approx(peak / 1024, rel=0.2)


def test_an_accelerators_peak_is_measured_once_for_its_kind(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(devices.jax, "default_backend", lambda: "gpu")
    taken = iter([2.0])
    monkeypatch.setattr(devices, "_product_seconds", lambda *_: next(taken))
    rate = devices.peak("bfloat16")
    assert rate == devices.matmul_flops(8192) / 2.0 * jax.device_count()
    assert devices.peak("bfloat16") == rate
    (kept,) = (tmp_path / ".cache/mmvae/peaks").iterdir()
    kept.write_text("{")  # such as half a file of an older version
    taken = iter([1.0])
    assert devices.peak("bfloat16") == 2 * rate
    assert devices.peak("bfloat16") == 2 * rate
