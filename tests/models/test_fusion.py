"""Fusions: the product's closed form and brute force; of each, what absent experts change."""

import hypothesis.extra.numpy as arrays
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mmvae.models import gaussian
from mmvae.models.fusion import FUSIONS, product_of_experts
from mmvae.models.gaussian import Gaussian

NAMES = ("a", "b", "c")
MOMENTS = arrays.arrays(np.float32, (6, 2, 3), elements=st.floats(-5, 5, width=32))


def experts(numbers):
    """Three experts of [6, B, D] numbers."""
    means, logvars = jnp.asarray(numbers[:3]), jnp.asarray(numbers[3:])
    return {n: Gaussian(means[i], logvars[i]) for i, n in enumerate(NAMES)}


def some(seed=0):
    return experts(np.random.default_rng(seed).normal(size=(6, 2, 3)).astype(np.float32))


def presence(*present):
    return {name: jnp.full(2, name in present) for name in NAMES}


def assert_same(left, right, **tolerance):
    np.testing.assert_allclose(left.mean, right.mean, **tolerance)
    np.testing.assert_allclose(left.logvar, right.logvar, **tolerance)


@pytest.mark.parametrize("present", [("a",), ("a", "c"), NAMES])
def test_product_equals_its_closed_form(present):
    given = some()
    precision = 1 + sum(np.exp(-given[n].logvar) for n in present)
    mean = sum(np.exp(-given[n].logvar) * given[n].mean for n in present) / precision
    expected = Gaussian(mean, -np.log(precision))
    assert_same(product_of_experts(given, presence(*present)), expected, rtol=1e-5, atol=1e-6)


def test_product_equals_the_normalised_product_of_densities():
    given = some()
    x = np.linspace(-15, 15, 60_001)
    density = stats.norm.pdf(x)
    for expert in given.values():
        density = density * stats.norm.pdf(x, expert.mean[0, 0], np.exp(expert.logvar[0, 0] / 2))
    density /= density.sum()
    mean = (density * x).sum()
    variance = (density * (x - mean) ** 2).sum()
    product = product_of_experts(given, presence(*NAMES))
    np.testing.assert_allclose(product.mean[0, 0], mean, rtol=1e-4)
    np.testing.assert_allclose(jnp.exp(product.logvar[0, 0]), variance, rtol=1e-4)


@given(MOMENTS, st.permutations(NAMES))
def test_the_order_of_experts_does_not_matter(numbers, order):
    forward = experts(numbers)
    shuffled = {name: forward[name] for name in order}
    whole = presence(*NAMES)
    assert_same(
        product_of_experts(forward, whole),
        product_of_experts(shuffled, whole),
        rtol=1e-4,
        atol=1e-5,
    )


@given(MOMENTS, st.sets(st.sampled_from(NAMES)))
def test_an_absent_expert_changes_nothing(numbers, present):
    whole = experts(numbers)
    only = {name: whole[name] for name in NAMES if name in present}
    assert_same(
        product_of_experts(whole, presence(*present)),
        product_of_experts(only, presence(*present)) if only else Gaussian(0.0, 0.0),
        rtol=1e-6,
    )


def test_presence_is_of_each_row():
    given = some()
    mixed = presence("a", "b", "c") | {"b": jnp.array([True, False])}
    product = product_of_experts(given, mixed)
    with_b = product_of_experts(given, presence(*NAMES))
    without = product_of_experts(given, presence("a", "c"))
    row = lambda q, i: jax.tree.map(lambda x: x[i], q)
    assert_same(row(product, 0), row(with_b, 0))
    assert_same(row(product, 1), row(without, 1))


def moments(q):
    return {"mean": q.mean, "deviation": q.deviation, "kl": q.kl_per_dimension()}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_no_expert_present_is_the_prior(fusion):
    fused = FUSIONS[fusion](some(), presence())
    expected = moments(gaussian.standard((2, 3)))
    jax.tree.map(np.testing.assert_array_equal, moments(fused), expected)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_expert_that_is_certain_decides(fusion):
    given = some() | {"b": Gaussian(jnp.full((2, 3), 1.5), jnp.full((2, 3), -12.0))}
    fused = FUSIONS[fusion](given, presence("b"))
    np.testing.assert_allclose(fused.mean, 1.5, rtol=1e-4)
    np.testing.assert_allclose(fused.deviation, np.exp(-6.0), rtol=0.02)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_no_gradient_reaches_an_absent_expert(fusion):
    keys = jax.random.split(jax.random.key(0), 2)

    def total(given):
        q = FUSIONS[fusion](given, presence("a", "c"))
        z = q.sample(keys)
        numbers = moments(q) | {"sample": z, "log_prob": q.log_prob(z), "divergence": q.kl(keys)}
        return sum(map(jnp.sum, numbers.values()))

    gradient = jax.grad(total)(some())
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient["b"]))
    for leaf in jax.tree.leaves((gradient["a"], gradient["c"])):
        assert np.all(np.isfinite(leaf)) and np.any(leaf != 0)
