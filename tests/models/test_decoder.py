"""What every decoder promises, of each kind: losses, samples and log-probabilities agree."""

import functools
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mmvae.data.text import BOS, PAD
from mmvae.models import caption
from mmvae.models.pictures.pixels import to_float, to_pixels
from support import tiny

KINDS = ("image", "caption", "label")


@pytest.fixture(scope="module")
def decoders(labelled_model):
    """{name: (decoder, its variables)}."""
    _, model, params = labelled_model
    return {name: (model.decoders[name], {"params": params[f"decoders_{name}"]}) for name in KINDS}


def call(decoders, name, method, *args, **fixed):
    """A method of a decoder, compiled; `fixed` are not traced."""
    decoder, variables = decoders[name]
    run = functools.partial(decoder.apply, method=method, **fixed)
    return jax.jit(run)(variables, *args)


def latents(rows, seed=3):
    return jax.random.normal(jax.random.key(seed), (rows, 8))


def some(labelled_model, name, rows=4):
    return jnp.asarray(tiny.batch(labelled_model[0], rows)[name])


@pytest.mark.parametrize(("name", "units"), [("image", 1), ("caption", None), ("label", 2)])
def test_a_loss_is_a_sum_over_its_units(decoders, labelled_model, name, units):
    data = some(labelled_model, name)
    found = call(decoders, name, "loss", latents(4), data)
    assert found.loss.shape == (4,) and np.all(found.loss > 0)
    expected = np.sum(data != PAD, axis=1) if name == "caption" else np.full(4, units)
    np.testing.assert_array_equal(found.units, expected)
    for total, count in found.metrics.values():
        assert total.shape == count.shape == (4,)
        np.testing.assert_array_equal(count, expected)


@pytest.mark.parametrize("name", KINDS)
def test_a_row_depends_on_its_own_latent_and_data(decoders, labelled_model, name):
    data, z = some(labelled_model, name), latents(4)
    whole = call(decoders, name, "loss", z, data).loss
    np.testing.assert_allclose(
        call(decoders, name, "loss", z[1:2], data[1:2]).loss, whole[1:2], rtol=1e-5
    )
    moved = call(decoders, name, "loss", z.at[0].add(1.0), data).loss
    assert abs(moved[0] - whole[0]) > 1e-4
    np.testing.assert_allclose(moved[1:], whole[1:], rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_training_hides_words_and_nothing_else(decoders, labelled_model, name):
    data, keys = some(labelled_model, name), jax.random.split(jax.random.key(0), 4)
    whole = call(decoders, name, "loss", latents(4), data, keys, train=False).loss
    hidden = call(decoders, name, "loss", latents(4), data, keys, train=True).loss
    if name == "caption":
        assert np.any(np.abs(whole - hidden) > 1e-4)
    else:
        np.testing.assert_array_equal(whole, hidden)


@pytest.mark.parametrize("name", ["caption", "label"])
def test_the_log_probability_of_what_has_no_scale_is_its_loss(decoders, labelled_model, name):
    z, data = latents(4), some(labelled_model, name)
    found = call(decoders, name, "log_prob", z, data)
    np.testing.assert_array_equal(found, -call(decoders, name, "loss", z, data).loss)


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_the_log_probability_of_a_gaussian_picture_is_scipys(decoders, labelled_model, scale):
    """Of 8-bit pictures: the density times the width of a pixel value on [-1, 1]."""
    decoder, variables = decoders["image"]
    plain = {"image": (decoder.clone(likelihood="gaussian"), variables)}
    z, pixels = latents(4), some(labelled_model, "image")
    mean = call(plain, "image", "__call__", z)
    density = stats.norm(mean, np.sqrt(scale)).logpdf(to_float(pixels))
    expected = np.sum(density + np.log(2 / 255), axis=(1, 2, 3))
    found = call(plain, "image", "log_prob", z, pixels, scale=scale)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_sample_of_a_picture_is_its_mean(decoders):
    z = latents(4)
    found = call(decoders, "image", "sample", z)
    assert found.dtype == jnp.uint8
    np.testing.assert_array_equal(found, to_pixels(call(decoders, "image", "__call__", z)))


# Labels: there are few, so all can be tried


def every_label(decoders, z):
    """(the four labels, their log-probabilities [B, 4])."""
    labels = list(product((1, 2), (1, 2)))
    tried = [
        call(decoders, "label", "log_prob", z, jnp.tile(jnp.array(one), (len(z), 1)))
        for one in labels
    ]
    return labels, np.stack(tried, axis=1)


def test_probabilities_of_all_labels_add_up_to_one(decoders):
    _, likely = every_label(decoders, latents(4))
    np.testing.assert_allclose(np.exp(likely).sum(axis=1), 1.0, rtol=1e-5)


def test_the_sample_of_a_label_without_keys_is_the_likeliest(decoders):
    z = latents(16)
    labels, likely = every_label(decoders, z)
    expected = np.array(labels)[likely.argmax(axis=1)]
    np.testing.assert_array_equal(call(decoders, "label", "sample", z), expected)
    assert len(np.unique(expected, axis=0)) > 1


def test_samples_of_labels_come_in_their_probabilities(decoders):
    z, rows = latents(1), 6000
    labels, likely = every_label(decoders, z)
    keys = jax.random.split(jax.random.key(0), rows)
    samples = np.asarray(call(decoders, "label", "sample", jnp.repeat(z, rows, axis=0), keys))
    shares = [np.mean(np.all(samples == one, axis=1)) for one in labels]
    np.testing.assert_allclose(shares, np.exp(likely[0]), atol=0.02)


# Captions


def first_words(decoders, z):
    """Probabilities [B, V] of the first token that is written."""
    unwritten = jnp.zeros((len(z), 8), jnp.int32)
    logits = call(decoders, "caption", "__call__", z, caption.teacher(unwritten))[:, 0]
    return np.asarray(jax.nn.softmax(logits.at[:, jnp.array([PAD, BOS])].set(-jnp.inf)))


def test_the_sample_of_a_caption_without_keys_begins_with_the_likeliest_word(decoders):
    z = latents(16)
    found = call(decoders, "caption", "sample", z)
    assert found.shape == (16, 8)
    np.testing.assert_array_equal(found[:, 0], first_words(decoders, z).argmax(axis=1))


def test_first_words_of_samples_come_in_their_probabilities(decoders):
    z, rows = latents(1), 3000
    keys = jax.random.split(jax.random.key(0), rows)
    samples = call(decoders, "caption", "sample", jnp.repeat(z, rows, axis=0), keys)
    shares = np.bincount(samples[:, 0], minlength=tiny.VOCABULARY) / rows
    np.testing.assert_allclose(shares, first_words(decoders, z)[0], atol=0.03)


def test_only_a_caption_is_written_token_by_token(decoders):
    assert [name for name, (decoder, _) in decoders.items() if hasattr(decoder, "writer")] == [
        "caption"
    ]
