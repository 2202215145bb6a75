"""Metrics by hand: gaps of latents, the latent's statistics."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from mmvae.models import mixture
from mmvae.models.decoder import Reconstruction
from mmvae.models.gaussian import Gaussian
from mmvae.models.pictures.mean import score
from mmvae.objectives import metrics
from support import tiny


def leaves_equal(left, right, **tolerance):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), left, right)


def test_reconstruction_metrics_count_the_rows_that_are_named():
    decoded = {
        "text": Reconstruction(
            jnp.array([2.0, 4.0, 8.0]),
            jnp.array([1, 2, 3]),
            {"accuracy": (jnp.array([1, 0, 2]), jnp.array([1, 2, 3]))},
        )
    }
    found = metrics.reconstruction_metrics(decoded, {"text": jnp.array([True, False, True])})
    assert found == {"loss_text": (10.0, 4), "text_accuracy": (3, 4)}


def test_gaps_are_positive_for_a_decoder_that_reads_the_latent():
    batch, rows = tiny.batch(tiny.config()), 6
    batch = {"image": batch["image"], "mask": batch["mask"]}
    batch["image"][:] = np.arange(8).reshape(8, 1, 1, 1) * 20
    batch["mask"][rows:] = False
    z = batch["image"][:, 0, 0] / 127.5 - 1.0
    flat = lambda z: jnp.broadcast_to(z[:, None, None], (8, 16, 16, 1))
    painted = lambda z, data: {"image": score(flat(z), data["image"], "gaussian")}
    batch["present"] = present = {"image": batch["mask"]}
    model, z = SimpleNamespace(reconstruct=painted), jnp.asarray(z)
    gaps = metrics.z_gaps(model, z, painted(z, batch), batch, present)
    total, count = gaps["image_z_gap"]
    steps = np.array([20] * 5 + [100]) / 127.5  # the last real row takes the first one's latent
    np.testing.assert_allclose(total, np.sum(steps**2), rtol=1e-4)
    assert count == rows


def test_latent_metrics_by_hand():
    q = Gaussian(jnp.array([[1.0, 3.0], [9.0, 9.0]]), jnp.log(jnp.array([[4.0, 1.0], [1.0, 1.0]])))
    z = jnp.array([[3.0, 4.0], [9.0, 9.0]])
    found = metrics.latent_metrics(q, z, jnp.array([True, False]))
    kl = np.array([0.5 * (4 - 1 - np.log(4) + 1), 4.5])
    expected = {
        "loss_kl": kl.sum(),
        "latent_mean": 2.0,
        "latent_std": 1.5,
        "latent_norm": 5.0,
        "_posterior_mean": [1.0, 3.0],
        "_posterior_mean_square": [1.0, 9.0],
        "_posterior_kl": kl,
    }
    leaves_equal({n: total for n, (total, _) in found.items()}, expected, rtol=1e-5)
    assert {float(count) for _, count in found.values()} == {1.0}


def test_latent_metrics_of_a_mixture_are_of_its_moments():
    part = lambda mean: Gaussian(jnp.full((1, 2), mean), jnp.full((1, 2), np.log(0.25)))
    q = mixture.of_experts([part(0.0), part(2.0)], [jnp.ones(1, bool)] * 2)
    found = metrics.latent_metrics(q, q.mean, jnp.ones(1, bool))
    variance = 0.25 + 1.0  # within the components and between them
    divergence = 0.5 * (variance - 1 - np.log(variance) + 1.0)
    np.testing.assert_allclose(found["latent_std"][0], np.sqrt(variance), rtol=1e-5)
    np.testing.assert_allclose(found["_posterior_kl"][0], [divergence] * 2, rtol=1e-5)
    np.testing.assert_allclose(found["loss_kl"][0], 2 * divergence, rtol=1e-5)
