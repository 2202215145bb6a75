"""Likelihoods of pictures: losses by hand, and densities whose mode and scale are right."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from mmvae.models import likelihoods
from mmvae.models.likelihoods import LIKELIHOODS

SCALED = ("gaussian", "laplace", "multiscale")  # of one scale for all pictures


@pytest.mark.parametrize(
    ("likelihood", "expected"),
    [
        ("gaussian", 0.625),
        ("laplace", 0.75),
        ("multiscale", 0.625 + 4 * 0.75**2),
        ("student", 0.5 * np.log(1 + (0.625 + 8 * 0.75**2) / 1e-3)),
    ],
)
def test_losses_by_hand(likelihood, expected):
    difference = jnp.tile(jnp.array([-0.5, -1.0]), (4, 2)).reshape(1, 4, 4, 1)
    np.testing.assert_allclose(LIKELIHOODS[likelihood].loss(difference), [expected])


def test_pooling_keeps_the_mean_of_every_block():
    picture = jnp.arange(64.0).reshape(1, 8, 8, 1)
    assert likelihoods.pooled(picture, 4)[0, 1, 0, 0] == jnp.mean(picture[0, 4:, :4])


FLOAT32 = {"epsabs": 1e-5, "epsrel": 1e-5}  # what losses in single precision allow


@pytest.mark.parametrize("kind", SCALED)
def test_image_densities_integrate_to_one(kind):
    """Along one pixel and along one block mean, for the picture's other directions fixed.

    The density factorises over an orthogonal basis, so its integral over the 4x4 picture is
    the product of 15 integrals off the mean and one along it.
    """
    shape, scale = (4, 4, 1), 0.3
    loss = lambda d: float(LIKELIHOODS[kind].loss(jnp.asarray(d.reshape(1, *shape)))[0])
    density = lambda d: likelihoods.log_prob(loss(d), kind, shape, scale)
    at_zero = density(np.zeros(16)) - 16 * np.log(2 / 255)
    if kind == "laplace":
        basis = np.eye(16)
    else:
        basis = np.linalg.qr(np.vstack([np.ones(16), np.eye(16)[1:]]).T)[0].T
    along = []
    for direction in (basis[0], basis[1]):
        change = lambda t, d=direction: np.exp(density(t * d) - density(np.zeros(16)))
        found = integrate.quad(change, -15, 15, points=[0], limit=200, **FLOAT32)
        along.append(found[0])
    total = at_zero + np.log(along[0]) + 15 * np.log(along[1])
    assert total == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("kind", SCALED)
def test_the_mean_loss_is_the_likeliest_scale(kind):
    losses = np.array([0.1, 0.3, 0.5])
    mean = lambda scale: likelihoods.log_prob(losses, kind, (8, 8, 1), scale).mean()
    assert mean(0.3) > max(mean(0.29), mean(0.31))


def test_the_student_likelihood_is_that_of_scipy():
    shape, off = (4, 8, 1), np.random.default_rng(0).normal(size=(5, 32)) / 10
    form = np.eye(32)
    for size in (2, 4):  # of d times the error: 4 times the squares of block means, a pixel
        row, column = np.divmod(np.arange(32), 8)
        block = 100 * (row // size) + column // size
        form += 4 * np.equal.outer(block, block) / size**2
    t = stats.multivariate_t(shape=32 * likelihoods.FAINT * np.linalg.inv(form), df=1)
    for difference in off:
        loss = float(likelihoods.student(jnp.asarray(difference.reshape(1, *shape)))[0])
        found = likelihoods.log_prob(loss, "student", shape, 0.0)
        assert found == pytest.approx(t.logpdf(difference) + 32 * np.log(2 / 255), rel=1e-5)


def test_the_logistic_is_a_distribution_over_the_values_of_a_pixel():
    values = np.arange(256) / 127.5 - 1
    for mean in (-1.1, -0.3, 0.998):
        outputs = jnp.full((256, 1, 1, 1), mean)
        loss = likelihoods.loss("logistic", outputs, jnp.float32(values).reshape(-1, 1, 1, 1))
        assert np.exp(-np.float64(loss)).sum() == pytest.approx(1, abs=1e-4)
        inside = stats.logistic(mean, 0.05).cdf(values[100] + np.array([-1, 1]) / 255)
        assert np.exp(-loss[100]) == pytest.approx(inside[1] - inside[0], rel=1e-3, abs=1e-9)
        shown = likelihoods.log_prob(np.array(2.0), "logistic", (2, 3, 1), 1.0)
        assert shown == pytest.approx(-12)


def test_bernoulli_pixels_are_those_of_scipy():
    logits, white = np.array([2.0, -1.0, 0.5]), np.array([1, 0, 0])
    pixels = jnp.float32(2 * white - 1).reshape(1, 1, 3, 1)
    loss = likelihoods.loss("bernoulli", jnp.float32(logits).reshape(1, 1, 3, 1), pixels)
    expected = stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(white).mean()
    np.testing.assert_allclose(loss, [-expected], rtol=1e-5)
    shown = LIKELIHOODS["bernoulli"].shown(jnp.float32(logits))
    np.testing.assert_allclose(0.5 * (shown + 1), 1 / (1 + np.exp(-logits)), rtol=1e-5)
