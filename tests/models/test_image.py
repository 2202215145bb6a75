"""Pictures: patches, pixels, errors by hand, encoder and decoder."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models.pictures.mean import Upsampler, score
from mmvae.models.pictures.pixels import patchify, to_float, to_pixels, unpatchify
from support import tiny


@pytest.mark.parametrize(("shape", "patch"), [((8, 8, 1), 4), ((8, 12, 3), 4), ((6, 6, 3), 1)])
def test_unpatchify_inverts_patchify(shape, patch):
    pictures = jnp.arange(2 * np.prod(shape)).reshape(2, *shape)
    patches = patchify(pictures, patch)
    assert patches.shape == (2, np.prod(shape) // (patch**2 * shape[2]), patch**2 * shape[2])
    np.testing.assert_array_equal(unpatchify(patches, shape, patch), pictures)


def test_a_patch_is_a_square_of_the_picture_in_reading_order():
    picture = jnp.arange(8 * 8).reshape(1, 8, 8, 1)
    patches = patchify(picture, 4)
    np.testing.assert_array_equal(patches[0, 1].reshape(4, 4), picture[0, :4, 4:, 0])
    np.testing.assert_array_equal(patches[0, 2].reshape(4, 4), picture[0, 4:, :4, 0])


def test_every_pixel_value_survives_the_round_trip():
    pixels = jnp.arange(256, dtype=jnp.uint8)
    floats = to_float(pixels)
    assert (floats.min(), floats.max()) == (-1.0, 1.0)
    np.testing.assert_array_equal(to_pixels(floats), pixels)


def test_pixels_outside_the_range_are_clipped():
    np.testing.assert_array_equal(to_pixels(jnp.array([-3.0, 0.0, 3.0])), [0, 128, 255])


def test_metrics_see_the_picture_as_it_is_shown():
    pixels = jnp.array([255, 0], jnp.uint8).reshape(1, 1, 2, 1)
    drawn = jnp.array([0.5, -2.0]).reshape(1, 1, 2, 1)  # shown as 0.5 and -1
    loss, units, measured = score(drawn, pixels, "gaussian")
    np.testing.assert_allclose(loss, [0.625], err_msg="the loss sees what is drawn")
    np.testing.assert_array_equal(units, [1])
    np.testing.assert_allclose(measured["mse"][0] / measured["mse"][1], [0.125])
    np.testing.assert_allclose(measured["l1"][0] / measured["l1"][1], [0.25])


@pytest.fixture(scope="module")
def coder():
    """(encode pixels, decode latents, shape) of a tiny colour model."""
    config = tiny.config(data__channels=3)
    shape, model = (16, 16, 3), tiny.model(config)
    encoder, decoder = model.encoders["image"], model.decoders["image"]
    read = jax.jit(encoder.init)(jax.random.key(0), jnp.zeros((1, *shape), jnp.uint8))
    drawn = jax.jit(decoder.init)(jax.random.key(1), jnp.zeros((1, 8)))
    encode = jax.jit(lambda pixels: encoder.apply(read, pixels))
    return encode, jax.jit(lambda z: decoder.apply(drawn, z)), shape


def test_pictures_become_latents_and_latents_pictures(coder):
    encode, decode, shape = coder
    pixels = tiny.batch(tiny.config(data__channels=3), 3)["image"]
    posterior = encode(pixels)
    assert posterior.mean.shape == posterior.logvar.shape == (3, 8)
    drawn = decode(posterior.mean)
    assert drawn.shape == (3, *shape)
    assert drawn.dtype == jnp.float32


def test_every_patch_and_channel_is_read(coder):
    encode, _, shape = coder
    pixels = jnp.zeros(shape, jnp.uint8)
    spots = [(0, 0, 0), (0, 15, 1), (15, 0, 2), (15, 15, 0)]
    changed = jnp.stack([pixels, *[pixels.at[spot].set(255) for spot in spots]])
    means = encode(changed).mean
    assert np.all(np.abs(means[1:] - means[:1]).max(axis=1) > 1e-4)


def test_upsampling_multiplies_the_sides():
    features = jnp.ones((2, 2, 2, 16))
    upsampler = Upsampler(8, 3, jnp.float32)
    drawn, _ = upsampler.init_with_output(jax.random.key(0), features)
    assert drawn.shape == (2, 16, 16, 3)
