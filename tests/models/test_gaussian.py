"""Gaussians against quadrature, SciPy and their own moments."""

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from mmvae.models import gaussian
from mmvae.models.gaussian import Gaussian

MOMENTS = arrays.arrays(np.float32, 4, elements=st.floats(-8, 8, width=32))


def one(mean, logvar):
    return Gaussian(jnp.float32([mean]), jnp.float32([logvar]))


def frozen(q):
    """The SciPy distribution of a Gaussian."""
    return stats.norm(np.array(q.mean, np.float64), np.exp(0.5 * np.array(q.logvar, np.float64)))


@pytest.mark.parametrize("moments", [(0.3, -1.0, -0.5, 0.7), (2.0, 1.5, 0.0, 0.0), (0, 0, 1, -2)])
def test_kl_equals_quadrature(moments):
    q, p = one(*moments[:2]), one(*moments[2:])
    density, other = frozen(q), frozen(p)
    integrand = lambda x: (density.pdf(x) * (density.logpdf(x) - other.logpdf(x))).item()
    expected, _ = integrate.quad(integrand, -30, 30, points=[moments[0]], limit=200)
    np.testing.assert_allclose(gaussian.kl(q, p), [expected], rtol=1e-5)


def test_kl_of_equals_is_exactly_zero():
    q = Gaussian(jnp.linspace(-3, 3, 7), jnp.linspace(-12, 12, 7))
    np.testing.assert_array_equal(gaussian.kl(q, q), 0.0)


def test_kl_keeps_precision_where_variances_almost_agree():
    expected = 0.5 * (np.expm1(1e-4) - 1e-4)
    np.testing.assert_allclose(gaussian.kl(one(0, 1e-4), one(0, 0)), [expected], rtol=2e-3)


@given(MOMENTS, MOMENTS, MOMENTS, MOMENTS)
def test_kl_is_never_negative(mean, logvar, other_mean, other_logvar):
    assert np.all(gaussian.kl(Gaussian(mean, logvar), Gaussian(other_mean, other_logvar)) >= 0)


@given(arrays.arrays(np.float32, 8, elements=st.floats(-(2**-7), 2**-7, width=32)))
def test_kl_of_almost_equals_is_never_negative(logvar):
    q = Gaussian(jnp.zeros(8), jnp.asarray(logvar))
    assert np.all(gaussian.kl(q, gaussian.standard((8,))) >= 0)


def test_log_prob_equals_scipy():
    random = np.random.default_rng(0)
    mean, logvar, z = random.normal(size=(3, 5, 6)).astype(np.float32)
    q = Gaussian(jnp.asarray(mean), jnp.asarray(logvar))
    expected = frozen(q).logpdf(z).sum(axis=-1)
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5)


def test_draws_have_the_moments_of_their_distribution():
    q = Gaussian(jnp.float32([-1.0, 0.0, 4.0]), jnp.float32([-3.0, 0.0, 1.0]))
    many = jax.tree.map(lambda x: jnp.broadcast_to(x, (100_000, 3)), q)
    draws = np.asarray(many.sample(jax.random.split(jax.random.key(0), 100_000)))
    deviation = np.exp(0.5 * np.asarray(q.logvar))
    np.testing.assert_allclose(draws.mean(0), q.mean, atol=0.02 * deviation.max())
    np.testing.assert_allclose(draws.std(0), deviation, rtol=0.02)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.02


def test_a_draw_is_differentiable_in_its_moments():
    q, noise = one(0.5, -1.0), jnp.float32([0.7])
    gradient = jax.grad(lambda q: q.at(noise).sum())(q)
    np.testing.assert_allclose(gradient.mean, [1.0])
    np.testing.assert_allclose(gradient.logvar, 0.5 * (q.at(noise) - q.mean), rtol=1e-6)


def test_a_row_is_drawn_from_its_own_key():
    q = Gaussian(jnp.zeros((3, 4)), jnp.zeros((3, 4)))
    keys = jax.random.split(jax.random.key(0), 3)
    whole, last = q.sample(keys), jax.tree.map(lambda x: x[2:], q).sample(keys[2:])
    np.testing.assert_array_equal(whole[2:], last)
    np.testing.assert_allclose(q.sample(keys, 0.5), 0.5 * whole, rtol=1e-6)


def test_the_kl_of_a_posterior_is_to_the_standard_normal():
    q = Gaussian(jnp.float32([[0.5, -1.0]]), jnp.float32([[0.3, -2.0]]))
    np.testing.assert_array_equal(q.kl(), gaussian.kl(q, gaussian.standard((1, 2))))
    np.testing.assert_array_equal(q.kl_per_dimension(), q.kl())
    np.testing.assert_allclose(q.deviation, frozen(q).std(), rtol=1e-6)


@pytest.mark.parametrize("extreme", [-1e6, -50.0, 50.0, 1e6])
def test_extreme_network_outputs_stay_finite_with_their_gradients(extreme):
    def loss(mean, logvar):
        q = gaussian.from_logits(mean, logvar)
        z = q.at(jnp.float32([0.4]))
        divergence = gaussian.kl(q, gaussian.standard((1,)))
        back = gaussian.kl(gaussian.standard((1,)), q)
        return jnp.sum(divergence + back) + q.log_prob(z)

    value = jax.value_and_grad(loss, (0, 1))(jnp.float32([3.0]), jnp.float32([extreme]))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(value))


def test_network_outputs_become_float32_and_ordinary_ones_hardly_change():
    outputs = jnp.bfloat16([-1.0, 0.0, 1.0])
    q = gaussian.from_logits(outputs, outputs)
    assert q.mean.dtype == q.logvar.dtype == jnp.float32
    np.testing.assert_allclose(q.logvar, [-1.0, 0.0, 1.0], rtol=3e-3)
