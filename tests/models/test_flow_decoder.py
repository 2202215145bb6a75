"""Pictures by a flow: the mean is the mean decoder's, samples are by seed, none has a density."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mmvae.models.pictures import flow
from support import tiny

WEIGHT = 0.1  # of configs/base.py


@pytest.fixture(scope="module")
def flowing():
    """(config, decoder, its variables)."""
    config = tiny.config(**tiny.FLOW)
    params = tiny.params(config)["decoders_image"]
    return config, tiny.model(config).decoders["image"], {"params": params}


@pytest.fixture(scope="module")
def plain(flowing):
    """The decoder of the mean alone, with the same parameters."""
    _, _, variables = flowing
    params = {name: value for name, value in variables["params"].items() if name != "flow"}
    return None, tiny.model(tiny.config()).decoders["image"], {"params": params}


def call(decoder, method, *args, **fixed):
    _, module, variables = decoder
    return jax.jit(functools.partial(module.apply, method=method, **fixed))(variables, *args)


def latents(rows, seed=3):
    return jax.random.normal(jax.random.key(seed), (rows, 8))


def pictures(flowing, rows=4):
    return jnp.asarray(tiny.batch(flowing[0], rows)["image"])


def keys(*seeds):
    return jax.vmap(jax.random.key)(jnp.array(seeds, jnp.uint32))


def test_the_mean_and_its_errors_are_the_mean_decoders(flowing, plain):
    z, data = latents(4), pictures(flowing)
    for found, wanted in zip(
        jax.tree.leaves([call(flowing, m, z) for m in ("__call__", "sample")]),
        jax.tree.leaves([call(plain, m, z) for m in ("__call__", "sample")]),
    ):
        np.testing.assert_array_equal(found, wanted)
    both, mean = call(flowing, "loss", z, data), call(plain, "loss", z, data)
    np.testing.assert_array_equal(both.units, mean.units)
    for name, (total, count) in mean.metrics.items():
        np.testing.assert_allclose(both.metrics[name][0], total, rtol=1e-6)
        np.testing.assert_array_equal(both.metrics[name][1], count)
    error = both.metrics["flow"][0]
    assert np.all(error > 0)
    np.testing.assert_allclose(both.loss, mean.loss + WEIGHT * error, rtol=1e-6)


def test_a_picture_is_that_of_its_seed_whatever_stands_beside_it(flowing):
    z = latents(4)
    four = call(flowing, "sample", z, keys(5, 6, 7, 8))
    assert four.shape == (4, 16, 16, 1) and four.dtype == jnp.uint8
    alone = call(flowing, "sample", z[2:3], keys(7))
    assert np.abs(np.asarray(alone, int) - np.asarray(four[2:3], int)).max() <= 1
    other = call(flowing, "sample", jnp.repeat(z[:1], 2, 0), keys(5, 9))
    assert np.mean(np.abs(np.asarray(other[0], int) - np.asarray(other[1], int))) > 2


def test_without_training_a_row_keeps_its_noise(flowing):
    z, data = latents(4), pictures(flowing)
    whole = call(flowing, "loss", z, data)
    turned = call(flowing, "loss", z[::-1], data[::-1])
    np.testing.assert_allclose(turned.loss[::-1], whole.loss, rtol=1e-5)
    moved = call(flowing, "loss", z.at[0].add(1.0), data).metrics["flow"][0]
    assert abs(moved[0] - whole.metrics["flow"][0][0]) > 1e-4
    noisy = call(flowing, "loss", z, data, keys(0, 1, 2, 3), train=True)
    assert np.all(np.abs(noisy.metrics["flow"][0] - whole.metrics["flow"][0]) > 1e-4)


def test_there_is_no_density(flowing, plain):
    assert not hasattr(flowing[1], "log_prob")
    assert hasattr(plain[1], "log_prob")


@pytest.mark.parametrize("reaches", [False, True])
def test_its_gradient_reaches_the_latent_if_it_may_and_never_the_mean(flowing, plain, reaches):
    _, decoder, variables = flowing
    decoder, z, data = decoder.clone(to_latent=reaches), latents(2), pictures(flowing, 2)

    def total(decoder):
        run = lambda params, z: jnp.sum(
            decoder.apply({"params": params}, z, data, method="loss")[0]
        )
        return jax.jit(jax.grad(run, argnums=(0, 1)))

    params, to_z = total(decoder)(variables["params"], z)
    mean, mean_to_z = total(plain[1])(plain[2]["params"], z)
    assert np.any(np.abs(to_z - mean_to_z) > 1e-5) == reaches
    of_flow = params.pop("flow")
    assert all(np.any(g != 0) for g in jax.tree.leaves(of_flow))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), params, mean)


def test_a_flow_that_knows_the_picture_ends_at_it(flowing):
    """The network starts at the mean: with no lines of its own, that is where samples end."""
    _, decoder, variables = flowing
    lines = jax.tree.map(jnp.zeros_like, variables["params"]["flow"]["lines"])
    at_rest = variables["params"] | {"flow": variables["params"]["flow"] | {"lines": lines}}
    known = (None, decoder, {"params": at_rest})
    sampled = call(known, "sample", latents(3), keys(1, 2, 3))
    np.testing.assert_array_equal(sampled, call(known, "sample", latents(3)))


def test_the_loss_falls_on_a_few_pictures():
    """Two pictures told apart by the latent, whose mean is grey."""
    z = jnp.repeat(jnp.array([[1.0, 0.0], [0.0, 1.0]]), 8, axis=0)
    picture = jnp.repeat(jnp.array([[[1.0, -1.0] * 8], [[-1.0, 1.0] * 8]]), 8, axis=0)
    net, update = flow.PictureFlow(16, 2, 1, jnp.float32), optax.adam(1e-2)
    grey, noise_of = jnp.zeros_like(picture), lambda k: jax.random.normal(k, picture.shape)

    def loss(params, key):
        t_key, key = jax.random.split(key)
        t = jax.random.uniform(t_key, (16,), maxval=0.9)
        at = (1 - t)[:, None, None] * noise_of(key) + t[:, None, None] * picture
        return jnp.mean(jnp.square(net.apply(params, at, t, grey, z) - picture))

    @jax.jit
    def train(params):
        def step(carry, key):
            value, gradient = jax.value_and_grad(loss)(carry[0], key)
            change, state = update.update(gradient, carry[1], carry[0])
            return (optax.apply_updates(carry[0], change), state), value

        start = (params, update.init(params))
        return jax.lax.scan(step, start, jax.random.split(jax.random.key(1), 60))[1]

    losses = train(net.init(jax.random.key(0), grey, jnp.zeros(16), grey, z))
    assert losses[0] == pytest.approx(1.0) and losses[-5:].mean() < 0.1
