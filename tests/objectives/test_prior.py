"""The learned prior's loss."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import mixture
from mmvae.models.gaussian import Gaussian
from mmvae.objectives.prior import flow_matching
from support import tiny


def test_the_error_of_a_flow_that_stands_still():
    """E |z - noise|^2 = mean^2 + variance + 1 a dimension."""
    q = Gaussian(jnp.full((2000, 8), 1.5), jnp.full((2000, 8), np.log(0.25)))
    keys = jax.random.split(jax.random.key(0), 2000)
    still = SimpleNamespace(velocity=lambda z, *_: jnp.zeros_like(z))
    present = {"a": jnp.ones(2000, bool), "b": jnp.ones(2000, bool)}
    error = jax.jit(functools.partial(flow_matching, still))({}, q, present, keys)
    np.testing.assert_allclose(error.mean(), 1.5**2 + 0.25 + 1, rtol=0.03)


def test_the_targets_of_a_mixture_are_samples_of_it():
    """As above, with the variance between two components that lie 2 apart."""
    rows = 4000
    part = lambda mean: Gaussian(jnp.full((rows, 8), mean), jnp.full((rows, 8), np.log(0.25)))
    present = {"a": jnp.ones(rows, bool), "b": jnp.ones(rows, bool)}
    q = mixture.of_experts([part(0.5), part(2.5)], list(present.values()))
    still = SimpleNamespace(velocity=lambda z, *_: jnp.zeros_like(z))
    keys = jax.random.split(jax.random.key(0), rows)
    error = jax.jit(functools.partial(flow_matching, still))({}, q, present, keys)
    np.testing.assert_allclose(error.mean(), 1.5**2 + 1.0 + 0.25 + 1, rtol=0.03)


@pytest.mark.parametrize("fusion", ["product", "mixture"])
def test_no_gradient_of_the_prior_reaches_posteriors(tiny_model, fusion):
    _, _, params = tiny_model
    model = tiny.model(tiny.config(model__fusion=fusion)).bind({"params": params})
    present = {name: jnp.ones(4, bool) for name in ("image", "caption")}
    keys = jax.random.split(jax.random.key(0), 4)

    def loss(experts):
        full = model.fuse(experts, present)
        return jnp.sum(flow_matching(model, experts, full, present, keys))

    q = Gaussian(jnp.ones((4, 8)), jnp.zeros((4, 8)))
    value, gradient = jax.jit(jax.value_and_grad(loss))({"image": q, "caption": q})
    assert value > 0
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient))
