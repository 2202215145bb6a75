"""Flows along straight paths: the path, and its integration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import flow


def test_the_path_starts_at_the_noise_and_ends_at_the_latent():
    z, noise = jax.random.normal(jax.random.key(0), (2, 4, 3))
    start, velocity = flow.flow_path(z, noise, jnp.zeros(4))
    end, _ = flow.flow_path(z, noise, jnp.ones(4))
    np.testing.assert_array_equal(start, noise)
    np.testing.assert_array_equal(end, z)
    np.testing.assert_array_equal(velocity, z - noise)


def test_the_velocity_is_the_derivative_of_the_path():
    z, noise = jax.random.normal(jax.random.key(0), (2, 4, 3))
    at = lambda t: flow.flow_path(z, noise, t)[0]
    _, slope = jax.jvp(at, (jnp.full(4, 0.3),), (jnp.ones(4),))
    np.testing.assert_allclose(slope, flow.flow_path(z, noise, jnp.full(4, 0.3))[1], rtol=1e-6)


def test_a_constant_velocity_is_integrated_exactly():
    noise = jax.random.normal(jax.random.key(0), (4, 3))
    ends = flow.integrate(lambda z, t: jnp.full_like(z, 2.0), noise, 3)
    np.testing.assert_allclose(ends, noise + 2.0, rtol=1e-5)


def test_time_runs_from_0_to_1():
    ends = flow.integrate(
        lambda z, t: jnp.broadcast_to(2 * t[:, None], z.shape), jnp.ones((2, 3)), 5
    )
    np.testing.assert_allclose(ends, 2.0, rtol=1e-5)  # Heun is exact for a line in t


def test_a_linear_velocity_is_integrated_to_its_closed_form():
    noise = jax.random.normal(jax.random.key(0), (4, 3))
    ends = flow.integrate(lambda z, t: -1.5 * z, noise, 20)
    np.testing.assert_allclose(ends, np.exp(-1.5) * noise, rtol=2e-3)


def test_integration_is_of_second_order():
    error = lambda steps: abs(flow.integrate(lambda z, t: z, jnp.ones((1, 1)), steps).item() - np.e)
    assert error(4) / error(8) == pytest.approx(4, rel=0.25)


def test_the_straight_flow_between_gaussians_gives_their_law():
    """The velocity E[z - noise | x_t] from N(0, 1) to N(0, s^2) carries noise to s noise."""
    s = 0.5
    velocity = lambda z, t: z * ((s**2 * t - (1 - t)) / (s**2 * t**2 + (1 - t) ** 2))[:, None]
    noise = jnp.array([[-2.0], [-0.5], [1.0]])
    np.testing.assert_allclose(flow.integrate(velocity, noise, 40), s * noise, rtol=1e-3)
