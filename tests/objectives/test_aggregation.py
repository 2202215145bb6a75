"""Metrics merge exactly."""

import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.data.modalities import Caption, Image
from mmvae.objectives.aggregation import Aggregator, Metric, derive

KINDS = {"image": Image((4, 4, 1)), "caption": Caption(8, 24)}


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


def test_import_is_light():
    code = (
        "import sys, mmvae.objectives.aggregation; "
        "sys.exit(bool({'jax', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
