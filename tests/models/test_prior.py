"""The learned prior: its velocity reads time and the conditions that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import prior
from support import tiny


@pytest.fixture(scope="module")
def velocity():
    """velocity(conditions, known) of a noisy field at fixed points."""
    field = prior.VelocityField(16, 2, jnp.float32)
    z, t = jax.random.normal(jax.random.key(0), (3, 4)), jnp.array([0.0, 0.5, 1.0])
    conditions = {"a": jnp.ones((3, 4)), "b": jnp.ones((3, 4))}
    known = {"a": jnp.ones(3, bool), "b": jnp.ones(3, bool)}
    variables = jax.jit(field.init)(jax.random.key(1), z, t, conditions, known)
    variables = tiny.noisy(variables, 2)
    return jax.jit(lambda conditions, known, t=t: field.apply(variables, z, t, conditions, known))


def conditions(**values):
    return {name: jnp.full((3, 4), value) for name, value in values.items()}


def known(a, b):
    return {"a": jnp.full(3, a), "b": jnp.full(3, b)}


def test_velocity_reads_known_conditions(velocity):
    left = velocity(conditions(a=1.0, b=1.0), known(True, True))
    right = velocity(conditions(a=1.0, b=2.0), known(True, True))
    assert left.shape == (3, 4)
    assert np.all(np.abs(left - right).max(axis=1) > 1e-4)


def test_velocity_ignores_unknown_conditions(velocity):
    left = velocity(conditions(a=1.0, b=1.0), known(True, False))
    right = velocity(conditions(a=1.0, b=2.0), known(True, False))
    np.testing.assert_array_equal(left, right)


def test_velocity_tells_unknown_from_zero(velocity):
    left = velocity(conditions(a=0.0, b=0.0), known(True, True))
    right = velocity(conditions(a=0.0, b=0.0), known(False, False))
    assert np.all(np.abs(left - right).max(axis=1) > 1e-4)


def test_velocity_depends_on_time(velocity):
    given = conditions(a=1.0, b=1.0), known(True, True)
    assert np.abs(velocity(*given) - velocity(*given, t=jnp.full(3, 0.3))).max() > 1e-4


def test_an_untrained_field_stands_still():
    field = prior.VelocityField(16, 1, jnp.bfloat16)
    inputs = jnp.ones((2, 4)), jnp.ones(2), {"a": jnp.ones((2, 4))}, {"a": jnp.ones(2, bool)}
    variables = jax.jit(field.init)(jax.random.key(0), *inputs)
    out = jax.jit(field.apply)(variables, *inputs)
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, 0.0)
