"""Mixtures of Gaussians against SciPy, quadrature and their own samples."""

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from mmvae.models import gaussian, mixture
from mmvae.models.gaussian import Gaussian

ROWS, SIZE = 3, 2
SHOWN = [(True, True), (True, False), (False, True)]
NUMBERS = st.floats(-5, 5, width=32, allow_subnormal=False)  # XLA may take those as zero
MOMENTS = arrays.arrays(np.float32, (4, ROWS, SIZE), elements=NUMBERS)


def experts(numbers):
    """Two experts of [4, B, D] numbers."""
    a, b, c, d = jnp.asarray(numbers)
    return [Gaussian(a, b), Gaussian(c, d)]


def some(seed=0):
    return experts(np.random.default_rng(seed).normal(size=(4, ROWS, SIZE)).astype(np.float32))


def mixed(given, *shown):
    """Their mixture, the same experts shown in every row."""
    return mixture.of_experts(given, [jnp.full(len(given[0].mean), one) for one in shown])


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


def repeated(q, count):
    """The first row of a mixture `count` times."""
    return jax.tree.map(lambda x: jnp.repeat(x[:1], count, axis=0), q)


def one_dimension(moments, shown=(True, True)):
    """Mixture of two Gaussians (mean, logvar) of one dimension and one row."""
    return mixed(experts(np.float32(moments).reshape(4, 1, 1)), *shown)


def density(moments):
    """Density of the even mixture of such Gaussians."""
    normals = [stats.norm(mean, np.exp(logvar / 2)) for mean, logvar in np.reshape(moments, (2, 2))]
    return lambda z: np.mean([normal.pdf(z) for normal in normals], axis=0)


@pytest.mark.parametrize("shown", SHOWN)
def test_log_prob_equals_scipy(shown):
    given, z = some(), np.random.default_rng(1).normal(size=(ROWS, SIZE)).astype(np.float32)
    each = [
        stats.norm.logpdf(z, q.mean, np.exp(0.5 * np.array(q.logvar))).sum(axis=-1)
        for q, is_shown in zip(given, shown, strict=True)
        if is_shown
    ]
    expected = special.logsumexp(each, axis=0) - np.log(len(each))
    np.testing.assert_allclose(mixed(given, *shown).log_prob(z), expected, rtol=1e-5)


@pytest.mark.parametrize("shown", SHOWN)
def test_samples_have_the_moments_of_the_mixture(shown):
    q, count = mixed(some(), *shown), 40_000
    samples = repeated(q, count).sample(keys(count))
    np.testing.assert_allclose(samples.mean(0), q.mean[0], atol=0.03)
    np.testing.assert_allclose(samples.std(0), q.deviation[0], rtol=0.02)


def test_samples_follow_the_density_of_the_mixture():
    moments = (-1.5, -1.0, 2.0, 0.5)
    samples = np.ravel(repeated(one_dimension(moments), 20_000).sample(keys(20_000)))
    grid = np.linspace(-10, 12, 40_001)
    cumulative = integrate.cumulative_trapezoid(density(moments)(grid), grid, initial=0)
    distance = stats.kstest(samples, lambda z: np.interp(z, grid, cumulative)).statistic
    assert distance < 0.015


def test_temperature_zero_gives_the_means_of_the_components():
    cold = repeated(one_dimension((-1.5, -1.0, 2.0, 0.5)), 50).sample(keys(50), 0.0)
    assert set(np.ravel(cold).tolist()) == {-1.5, 2.0}


def test_a_row_is_drawn_from_its_own_key():
    q = mixed(some(), True, True)
    last = jax.tree.map(lambda x: x[2:], q)
    np.testing.assert_array_equal(q.sample(keys(ROWS))[2:], last.sample(keys(ROWS)[2:]))


@pytest.mark.parametrize("moments", [(-1.5, -1.0, 2.0, 0.5), (0, 0, 0, 0), (0.2, -2.0, 0.3, 1.0)])
def test_the_estimated_kl_agrees_with_quadrature(moments):
    q, pdf = one_dimension(moments), density(moments)
    integrand = lambda z: pdf(z) * (np.log(pdf(z)) - stats.norm.logpdf(z))
    expected, _ = integrate.quad(integrand, -15, 15, points=[moments[0], moments[2]], limit=200)
    estimates = repeated(q, 20_000).kl(keys(20_000))
    error = np.std(estimates) / np.sqrt(20_000)
    assert abs(np.mean(estimates) - expected) < 4 * error + 1e-5


def test_the_kl_of_one_component_is_that_of_its_gaussian():
    given, count = some(), 20_000
    q = repeated(mixed(given, False, True), count)
    np.testing.assert_allclose(q.kl(keys(count)).mean(), given[1].kl()[0].sum(), rtol=0.03)
    np.testing.assert_allclose(q.kl_per_dimension()[0], given[1].kl()[0], rtol=1e-4, atol=1e-5)


def test_the_kl_per_dimension_is_of_the_moments():
    q = mixed(some(), True, True)
    normal = Gaussian(q.mean, 2 * jnp.log(q.deviation))
    np.testing.assert_allclose(q.kl_per_dimension(), normal.kl(), rtol=1e-5)


@given(MOMENTS, MOMENTS)
def test_an_absent_component_changes_nothing(numbers, other):
    known, unknown = experts(numbers)[0], experts(other)[1]
    expected = mixed([known, experts(numbers)[1]], True, False)
    found = mixed([known, unknown], True, False)
    for one in (lambda q: q.mean, lambda q: q.deviation, lambda q: q.log_prob(known.mean)):
        np.testing.assert_array_equal(one(found), one(expected))
    np.testing.assert_array_equal(found.sample(keys(ROWS)), expected.sample(keys(ROWS)))
    np.testing.assert_array_equal(found.kl(keys(ROWS)), expected.kl(keys(ROWS)))


@given(MOMENTS)
def test_the_moments_of_one_component_are_its_own(numbers):
    known = experts(numbers)[0]
    alone = mixed(experts(numbers), True, False)
    np.testing.assert_array_equal(alone.mean, known.mean)
    np.testing.assert_allclose(alone.deviation, known.deviation, rtol=1e-6)


def test_equal_and_narrow_components_far_from_zero_keep_their_deviation():
    far = Gaussian(jnp.full((ROWS, SIZE), 100.0), jnp.full((ROWS, SIZE), -12.0))
    q = mixed([far, far], True, True)
    np.testing.assert_allclose(q.deviation, np.exp(-6.0), rtol=1e-5)


def test_nothing_present_is_the_prior():
    q, count = mixed(some(), False, False), 10_000
    z = jnp.asarray(np.random.default_rng(1).normal(size=(ROWS, SIZE)), jnp.float32)
    prior = gaussian.standard(z.shape)
    np.testing.assert_array_equal(q.mean, prior.mean)
    np.testing.assert_array_equal(q.deviation, prior.deviation)
    np.testing.assert_allclose(q.log_prob(z), prior.log_prob(z), rtol=1e-6)
    np.testing.assert_allclose(q.kl(keys(ROWS)), 0.0, atol=1e-5)
    samples = repeated(q, count).sample(keys(count))
    assert stats.kstest(np.ravel(samples), stats.norm.cdf).statistic < 0.015


def test_presence_is_of_each_row():
    given = some()
    both = mixture.of_experts(given, [jnp.array([True] * 3), jnp.array([True, False, True])])
    row = lambda q, i: np.array(q.mean[i])
    np.testing.assert_array_equal(row(both, 0), row(mixed(given, True, True), 0))
    np.testing.assert_array_equal(row(both, 1), row(mixed(given, True, False), 1))


def test_gradients_reach_every_component_that_is_present():
    z = jnp.zeros((ROWS, SIZE))

    def total(given):
        q = mixed(given, True, True)
        return jnp.sum(q.log_prob(z)) + jnp.sum(q.kl(keys(ROWS))) + jnp.sum(q.deviation)

    for leaf in jax.tree.leaves(jax.grad(total)(some())):
        assert np.all(np.isfinite(leaf)) and np.all(leaf != 0)
