"""What objectives share: keys of rows, means over devices, the KL and its free bits, weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models.gaussian import Gaussian
from mmvae.models.mixture import Mixture
from mmvae.objectives import terms
from support import tiny


def test_keys_are_of_a_rows_place_in_the_batch_of_all_devices():
    numbers = lambda rows: jax.vmap(jax.random.uniform)(
        terms.row_keys(jax.random.key(0), len(rows))(2)
    )
    one, four = (tiny.on_devices(numbers, n)(jnp.zeros(8)) for n in (1, 4))
    np.testing.assert_array_equal(np.ravel(one), np.ravel(four))
    assert len(np.unique(one)) == 8


def test_streams_of_keys_differ():
    numbers = lambda rows: [
        jax.vmap(jax.random.uniform)(terms.row_keys(jax.random.key(0), len(rows))(stream))
        for stream in (0, 1)
    ]
    first, second = tiny.on_one(numbers)(jnp.zeros(8))
    assert not np.any(first == second)


def test_padding_rows_have_no_modality():
    batch = {"present": {"a": np.array([True, False, True])}, "mask": np.array([True, True, False])}
    np.testing.assert_array_equal(terms.present_in(batch)["a"], [True, False, False])


def test_the_total_takes_the_warmed_up_weight_of_the_kl():
    config = tiny.config(loss__weights__image=3.0, loss__weights__kl=100.0)
    found = terms.weighted({"image": 2.0, "kl": 5.0}, terms.Settings(config.loss, 0.5))
    assert found == pytest.approx(3.0 * 2.0 + 0.5 * 5.0)


TOTALS = jnp.arange(1.0, 9.0)
COUNTS = jnp.array([1.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0, 3.0])


def test_the_mean_of_global_means_is_the_mean_of_all_rows():
    shares = tiny.on_devices(terms.global_mean, 4)(TOTALS, COUNTS)
    np.testing.assert_allclose(shares.mean(), TOTALS.sum() / COUNTS.sum(), rtol=1e-6)


def test_the_mean_of_gradients_is_the_gradient_of_the_mean():
    loss = lambda w, x, counts: terms.global_mean(jnp.square(w * x) * counts, counts)
    per_device = tiny.on_devices(lambda x, counts: jax.grad(loss)(3.0, x, counts), 4)
    expected = jax.grad(lambda w: jnp.sum(jnp.square(w * TOTALS) * COUNTS) / COUNTS.sum())(3.0)
    np.testing.assert_allclose(per_device(TOTALS, COUNTS).mean(), expected, rtol=1e-6)


def test_a_global_mean_of_nothing_is_zero():
    assert tiny.on_one(terms.global_mean)(jnp.zeros(4), jnp.zeros(4)) == 0.0


def narrow(means):
    """Gaussians of unit variance."""
    return Gaussian(means, jnp.zeros_like(means))


def split_in_two(means):
    """Mixtures of two equal halves of `narrow`."""
    twice = jax.tree.map(lambda x: jnp.stack([x, x], axis=1), narrow(means))
    return Mixture(twice, jnp.full((len(means), 2), jnp.log(0.5)))


def keys_of(mask):
    return terms.row_keys(jax.random.key(0), len(mask))(0)


def kl_of(means, mask, free_bits, devices=1, posterior=narrow):
    """`kl_term` of posteriors with these means [B, D], and its gradient."""

    def term(means, mask):
        loss = lambda m: terms.kl_term(posterior(m), mask, free_bits, keys_of(mask))
        return jax.value_and_grad(loss)(means)

    value, gradient = tiny.on_devices(term, devices)(jnp.float32(means), jnp.array(mask))
    return value.mean(), gradient.reshape(np.shape(means)) / devices


MEANS = [[2.0, 0.1], [4.0, 0.1], [0.0, 0.3], [9.0, 9.0]]
ROWS = [True, True, True, False]  # KL of a row is m^2 / 2: means 20 / 6 and 0.11 / 6


def test_kl_term_by_hand():
    value, gradient = kl_of(MEANS, ROWS, free_bits=0.0)
    np.testing.assert_allclose(value, (20 + 0.11) / 6, rtol=1e-5)
    np.testing.assert_allclose(gradient, np.array(ROWS)[:, None] * np.array(MEANS) / 3, rtol=1e-5)


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_a_dimension_below_its_free_bits_costs_them_and_has_no_gradient(devices):
    value, gradient = kl_of(MEANS, ROWS, free_bits=0.5, devices=devices)
    np.testing.assert_allclose(value, 20 / 6 + 0.5, rtol=1e-5)
    expected = np.array(ROWS)[:, None] * np.array(MEANS) * [1, 0] / 3
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("devices", [1, 4])
def test_the_kl_of_a_mixture_is_estimated_with_keys(devices):
    means = np.tile(np.float32(MEANS), (500, 1))
    value, gradient = kl_of(means, np.tile(ROWS, 500), 0.0, devices, split_in_two)
    np.testing.assert_allclose(value, (20 + 0.11) / 6, rtol=0.05)
    padding = ~np.tile(ROWS, 500)
    assert np.all(gradient[padding] == 0) and np.any(gradient[~padding] != 0)


def test_free_bits_of_a_mixture_are_of_all_dimensions_together():
    value, gradient = kl_of(MEANS, ROWS, free_bits=100.0, posterior=split_in_two)
    assert value == 100.0 and not np.any(gradient)
