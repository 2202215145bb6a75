"""Metrics merge exactly, the clock leaves out what is not training."""

import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.data.modalities import Caption, Image
from mmvae.machine.throughput import Throughput, system_gauges
from mmvae.objectives.aggregation import Aggregator, Metric, derive

KINDS = {"image": Image((4, 4, 1)), "caption": Caption(8, 24)}


class FakeTime:
    """A clock that moves only when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds

    def pass_by(self, seconds):
        self.seconds += seconds


def aggregate(*batches):
    aggregator = Aggregator()
    for batch in batches:
        aggregator.add(batch)
    return aggregator


def test_a_mean_weighs_items_and_not_batches():
    result = aggregate({"loss": Metric(30.0, 10)}, {"loss": Metric(1.0, 1)}).result()
    assert result == {"loss": pytest.approx(31 / 11)}


def test_a_name_that_counted_nothing_is_left_out():
    assert aggregate({"image_mse": (0.0, 0)}, {"caption": (2.0, 1)}).result() == {"caption": 2.0}


def test_sums_are_kept_in_float64():
    tiny = {"loss": (jnp.float32(1.0), jnp.float32(1.0))}
    result = aggregate({"loss": (2.0**24, 2.0**24)}, *[tiny] * 4, {"loss": (1.0, 0)}).result()
    assert result["loss"] == (2.0**24 + 5) / (2.0**24 + 4)


def test_reset_forgets():
    aggregator = aggregate({"loss": (1.0, 1)})
    aggregator.reset()
    assert aggregator.result() == {}


def test_a_step_can_return_metrics():
    metrics = jax.jit(lambda x: {"norm": Metric(jnp.sum(x), x.size)})(jnp.arange(4.0))
    assert metrics["norm"].mean == 1.5
    assert aggregate(jax.device_get(metrics)).result() == {"norm": 1.5}


def test_perplexity_is_of_the_merged_cross_entropy():
    merged = aggregate({"loss_caption": (4.0, 1)}, {"loss_caption": (0.0, 3)}).result()
    result = derive(merged, KINDS)
    assert result["caption_perplexity"] == pytest.approx(math.e)


def test_psnr_is_of_pixels_between_minus_one_and_one():
    assert derive({"image_mse": 0.25}, KINDS)["image_psnr"] == pytest.approx(12.04, abs=0.01)


def test_derive_adds_nothing_without_sources_and_survives_extremes():
    assert derive({"loss_total": 1.0}, KINDS) == {"loss_total": 1.0}
    assert derive({"loss_caption": 1e6}, KINDS)["caption_perplexity"] == math.inf
    assert derive({"image_mse": 0.0}, KINDS)["image_psnr"] == math.inf
    assert math.isnan(derive({"loss_caption": math.nan}, KINDS)["caption_perplexity"])


def test_each_modality_gives_what_its_kind_gives_under_its_own_name():
    photo = {"photo": Image((4, 4, 1)), "title": Caption(8, 24)}
    found = derive({"photo_mse": 4.0, "image_mse": 1.0, "loss_title": 0.0}, photo)
    added = {"photo_psnr": pytest.approx(0.0, abs=1e-6), "title_perplexity": 1.0}
    assert found == {"photo_mse": 4.0, "image_mse": 1.0, "loss_title": 0.0} | added


def posterior(means, divergence):
    """What a step returns for posterior means [B, D] and KL [B, D]."""
    count = np.full(1, len(means))
    return {
        "_posterior_mean": (np.sum(means, axis=0), count),
        "_posterior_mean_square": (np.sum(np.square(means), axis=0), count),
        "_posterior_kl": (np.sum(divergence, axis=0), count),
    }


def test_active_units_and_kl_are_of_the_whole_data_set():
    means = np.random.default_rng(0).normal(0, [1.0, 0.2, 0.05, 0.0], (400, 4)) + 3
    divergence = np.full((400, 4), [1.0, 0.5, 0.0, 0.0])
    batches = [posterior(means[i : i + 80], divergence[i : i + 80]) for i in range(0, 400, 80)]
    values = derive(aggregate(*batches).result())
    assert values == {"latent_active_units": 2.0, "latent_kl": pytest.approx(1.5)}


def test_a_batch_of_equal_means_has_no_active_units_but_two_such_batches_may():
    first, second = (
        posterior(np.zeros((3, 1)), np.ones((3, 1))),
        posterior(np.ones((3, 1)), np.ones((3, 1))),
    )
    assert derive(aggregate(first).result())["latent_active_units"] == 0
    assert derive(aggregate(first, second).result())["latent_active_units"] == 1


def test_derive_leaves_its_argument_alone():
    given = {"image_mse": 0.25}
    derive(given, KINDS)
    assert given == {"image_mse": 0.25}


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


def test_gauges_of_a_machine_without_memory_statistics(monkeypatch):
    assert set(system_gauges()) >= {"cpu_percent", "host_memory_percent"}
    monkeypatch.setattr(jax, "local_devices", lambda: [_Device(None)])
    assert "gpu_memory_percent" not in system_gauges()


def test_gpu_memory_is_of_the_fullest_device(monkeypatch):
    stats = [{"peak_bytes_in_use": used, "bytes_limit": 40} for used in (10, 30)]
    monkeypatch.setattr(jax, "local_devices", lambda: [_Device(s) for s in stats])
    assert system_gauges()["gpu_memory_percent"] == 75


class _Device:
    def __init__(self, stats):
        self._stats = stats

    def memory_stats(self):
        return self._stats


def test_import_is_light():
    code = (
        "import sys, mmvae.objectives.aggregation; "
        "sys.exit(bool({'jax', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
