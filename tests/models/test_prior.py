"""The flow: its path, its integration and its conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import prior
from support import tiny


def test_the_path_starts_at_the_noise_and_ends_at_the_latent():
    z, noise = jax.random.normal(jax.random.key(0), (2, 4, 3))
    start, velocity = prior.flow_path(z, noise, jnp.zeros(4))
    end, _ = prior.flow_path(z, noise, jnp.ones(4))
    np.testing.assert_array_equal(start, noise)
    np.testing.assert_array_equal(end, z)
    np.testing.assert_array_equal(velocity, z - noise)


def test_the_velocity_is_the_derivative_of_the_path():
    z, noise = jax.random.normal(jax.random.key(0), (2, 4, 3))
    at = lambda t: prior.flow_path(z, noise, t)[0]
    _, slope = jax.jvp(at, (jnp.full(4, 0.3),), (jnp.ones(4),))
    np.testing.assert_allclose(slope, prior.flow_path(z, noise, jnp.full(4, 0.3))[1], rtol=1e-6)


def test_a_constant_velocity_is_integrated_exactly():
    noise = jax.random.normal(jax.random.key(0), (4, 3))
    ends = prior.integrate(lambda z, t: jnp.full_like(z, 2.0), noise, 3)
    np.testing.assert_allclose(ends, noise + 2.0, rtol=1e-5)


def test_time_runs_from_0_to_1():
    ends = prior.integrate(
        lambda z, t: jnp.broadcast_to(2 * t[:, None], z.shape), jnp.ones((2, 3)), 5
    )
    np.testing.assert_allclose(ends, 2.0, rtol=1e-5)  # Heun is exact for a line in t


def test_a_linear_velocity_is_integrated_to_its_closed_form():
    noise = jax.random.normal(jax.random.key(0), (4, 3))
    ends = prior.integrate(lambda z, t: -1.5 * z, noise, 20)
    np.testing.assert_allclose(ends, np.exp(-1.5) * noise, rtol=2e-3)


def test_integration_is_of_second_order():
    error = lambda steps: abs(
        prior.integrate(lambda z, t: z, jnp.ones((1, 1)), steps).item() - np.e
    )
    assert error(4) / error(8) == pytest.approx(4, rel=0.25)


def test_the_straight_flow_between_gaussians_gives_their_law():
    """The velocity E[z - noise | x_t] from N(0, 1) to N(0, s^2) carries noise to s noise."""
    s = 0.5
    velocity = lambda z, t: z * ((s**2 * t - (1 - t)) / (s**2 * t**2 + (1 - t) ** 2))[:, None]
    noise = jnp.array([[-2.0], [-0.5], [1.0]])
    np.testing.assert_allclose(prior.integrate(velocity, noise, 40), s * noise, rtol=1e-3)


@pytest.fixture(scope="module")
def velocity():
    """velocity(conditions, known) of a noisy field at fixed points."""
    field = prior.VelocityField(16, 2, jnp.float32)
    z, t = jax.random.normal(jax.random.key(0), (3, 4)), jnp.array([0.0, 0.5, 1.0])
    conditions = {"a": jnp.ones((3, 4)), "b": jnp.ones((3, 4))}
    known = {"a": jnp.ones(3, bool), "b": jnp.ones(3, bool)}
    variables = jax.jit(field.init)(jax.random.key(1), z, t, conditions, known)
    variables = tiny.noisy(variables, jax.random.key(2))
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
