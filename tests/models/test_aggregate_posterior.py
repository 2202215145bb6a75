"""The aggregate posterior: a mixture that finds the clusters and every one of them."""

import numpy as np
import pytest

from mmvae.models.aggregate_posterior import AggregatePosterior

CENTRES = np.array([[4.0, 0.0, 0.0], [-4.0, 0.0, 0.0], [0.0, 4.0, 0.0]], np.float32)


def clustered(count, seed=0):
    """Latents [N, 3] in three tight clusters."""
    random = np.random.default_rng(seed)
    noise = 0.2 * random.standard_normal((count, 3), np.float32)
    return CENTRES[random.integers(0, 3, count)] + noise


@pytest.fixture(scope="module")
def fitted():
    return AggregatePosterior.fit(clustered(600), clustered(200, seed=1))


def test_draws_lie_in_the_clusters_and_in_all_of_them(fitted):
    distances = np.linalg.norm(fitted.sample(range(600))[:, None] - CENTRES, axis=-1)
    assert np.mean(distances.min(axis=1) < 1.0) > 0.98
    shares = np.bincount(distances.argmin(axis=1), minlength=3) / 600
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)


def test_one_component_is_chosen_for_one_gaussian():
    normal = np.random.default_rng(0).standard_normal((400, 4), np.float32)
    fitted = AggregatePosterior.fit(normal[:300], normal[300:])
    assert len(fitted.arrays["weights"]) == 1


def test_temperature_zero_gives_the_centres(fitted):
    cold = fitted.sample(range(50), temperature=0.0)
    assert len(np.unique(cold.round(4), axis=0)) == len(fitted.arrays["weights"])
