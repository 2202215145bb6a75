"""Vectors in the model: densities against SciPy, and what is unknown."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mmvae.models.vector import LIKELIHOODS, VectorDecoder
from support import tiny, vectors

DENSITIES = {
    "gaussian": lambda mean, scale: stats.norm(mean, scale).logpdf,
    "laplace": lambda mean, scale: stats.laplace(mean, scale).logpdf,
    "bernoulli": lambda mean, _: lambda x: stats.bernoulli(1 / (1 + np.exp(-mean))).logpmf(x),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_losses_are_negative_log_densities(name):
    random = np.random.default_rng(0)
    mean, log_scale = random.normal(size=(4, 3)), random.normal(size=(1, 3))
    values = random.integers(0, 2, (4, 3)).astype(float)
    loss = LIKELIHOODS[name](*map(jnp.float32, (mean, log_scale, values)))
    density = DENSITIES[name](mean, np.exp(log_scale))(values)
    np.testing.assert_allclose(loss, -density, rtol=1e-4, atol=1e-5)


def decoder(likelihood="gaussian", scale=0.5):
    """(decoder, its parameters) of three numbers."""
    module = VectorDecoder(3, 1, 8, jnp.float32, 0, likelihood, scale)
    return module, tiny.noisy(module.init(jax.random.key(0), jnp.zeros((1, 2))), 1)


def test_unknown_numbers_count_nowhere():
    module, params = decoder()
    z = jnp.float32(np.random.default_rng(0).normal(size=(3, 2)))
    data = jnp.array([[1.0, 2.0, 3.0], [1.0, jnp.nan, 3.0], [jnp.nan] * 3])
    told = module.apply(params, z, data, method="loss")
    np.testing.assert_array_equal(told.units, [3, 2, 0])
    assert told.loss[2] == told.metrics["mse"][0][2] == 0
    mean, log_scale = module.apply(params, z)
    each = LIKELIHOODS["gaussian"](mean, log_scale[None], data)
    np.testing.assert_allclose(told.loss[1], each[1, 0] + each[1, 2], rtol=1e-5)
    gradient = jax.grad(lambda p: module.apply(p, z, data, method="loss").loss.sum())(params)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_a_scale_of_0_is_learned():
    fixed, learned = decoder(scale=0.5)[1], decoder(scale=0.0)[1]
    assert set(learned["params"]) - set(fixed["params"]) == {"log_scale"}
    shown = decoder("bernoulli")[0].apply(fixed, jnp.zeros((2, 2)), method="sample")
    assert np.all((shown > 0) & (shown < 1))


def test_five_of_one_kind_are_one_model():
    config = vectors.config("abcde", objective__name="mopoe").lock()
    model, batch = tiny.model(config), vectors.batch(config, 2)
    shown = {name: np.array([name in "ace", True]) for name in "abcde"}
    inputs = {name: batch[name] for name in shown}
    posterior = jax.jit(lambda p: model.apply({"params": p}, inputs, shown, method="infer"))(
        tiny.params(config)
    )
    weights = np.exp(posterior.log_weights)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    # Of three modalities there are 7 subsets, of five 31; and none of N(0, I).
    np.testing.assert_array_equal((weights > 0).sum(axis=1), [7, 31])
