"""Captions: causality, padding, word dropout, and writing step by step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.data.text import BOS, EOS, PAD, UNK
from mmvae.models import caption
from support import tiny

LENGTH, VOCABULARY = 8, 24


@pytest.fixture(scope="module")
def writer():
    """(decoder module, its variables, compiled `apply`)."""
    config = tiny.config()
    decoder = model(config).decoders["caption"]
    blank = jnp.zeros((1, 8)), jnp.zeros((1, LENGTH), jnp.int32)
    variables = jax.jit(decoder.init)(jax.random.key(0), *blank)
    variables = tiny.noisy(variables, 1)
    return decoder, variables, functools.partial(jax.jit(decoder.apply), variables)


@pytest.fixture(scope="module")
def read():
    """Encoder of ids."""
    config = tiny.config()
    encoder = model(config).encoders["caption"]
    variables = jax.jit(encoder.init)(jax.random.key(0), jnp.ones((1, LENGTH), jnp.int32))
    return jax.jit(lambda ids: encoder.apply(variables, ids))


def model(config):
    return tiny.model(config, VOCABULARY)


def latents(rows=3):
    return jax.random.normal(jax.random.key(2), (rows, 8))


def test_teacher_shifts_behind_bos():
    ids = jnp.array([[7, 8, 9, EOS, PAD]])
    np.testing.assert_array_equal(caption.teacher(ids), [[BOS, 7, 8, 9, EOS]])


def test_word_dropout_hides_its_share_of_words_and_never_bos():
    ids = jnp.full((500, 21), 9)
    inputs = caption.teacher(ids, jax.random.split(jax.random.key(0), 500), 0.3)
    assert np.all(inputs[:, 0] == BOS)
    hidden = inputs[:, 1:] == UNK
    assert set(np.unique(inputs[:, 1:])) == {UNK, 9}
    assert abs(hidden.mean() - 0.3) < 0.015
    assert np.std(hidden.mean(axis=1)) > 0.05, "rows hide different words"


def test_no_word_dropout_hides_nothing():
    ids = jnp.asarray(tiny.ids(4, LENGTH))
    keys = jax.random.split(jax.random.key(0), 4)
    np.testing.assert_array_equal(caption.teacher(ids, keys, 0.0), caption.teacher(ids))


@pytest.mark.parametrize("changed", [0, 3, LENGTH - 1])
def test_a_token_changes_only_the_logits_after_it(writer, changed):
    *_, logits = writer
    inputs = jnp.asarray(tiny.ids(3, LENGTH))
    before = logits(latents(), inputs)
    after = logits(latents(), inputs.at[:, changed].set(UNK))
    np.testing.assert_array_equal(before[:, :changed], after[:, :changed])
    assert np.all(np.abs(before - after)[:, changed:].max(axis=(0, 2)) > 1e-6)


def test_the_latent_changes_every_logit(writer):
    *_, logits = writer
    inputs = jnp.asarray(tiny.ids(3, LENGTH))
    change = logits(latents(), inputs) - logits(latents() + 1.0, inputs)
    assert np.all(np.abs(change).max(axis=-1) > 1e-6)


def test_writing_step_by_step_equals_teacher_forcing(writer):
    decoder, variables, logits = writer
    inputs = caption.teacher(jnp.asarray(tiny.ids(3, LENGTH)))
    expected = logits(latents(), inputs)

    def extend(caches, index):
        found, caches = decoder.apply(
            variables, caches, inputs[:, index], index, method=decoder.extend
        )
        return caches, found

    @jax.jit
    def write(z):
        caches = decoder.apply(variables, z, method=decoder.begin)
        return jax.lax.scan(extend, caches, jnp.arange(LENGTH))[1]

    found = write(latents())
    np.testing.assert_allclose(found.swapaxes(0, 1), expected, rtol=1e-4, atol=1e-5)


def test_logits_of_padding_never_count():
    ids = jnp.asarray(tiny.ids(5, LENGTH))
    padding = (ids == PAD)[..., None]
    logits = jax.random.normal(jax.random.key(0), (5, LENGTH, VOCABULARY))
    other = jnp.where(padding, 50.0 * jnp.eye(VOCABULARY)[3], logits)
    assert np.any(padding)
    measure = jax.jit(lambda x: caption.score(x, ids))
    jax.tree.map(np.testing.assert_array_equal, measure(logits), measure(other))


def test_no_gradient_reaches_the_logits_of_padding():
    ids = jnp.asarray(tiny.ids(5, LENGTH))
    logits = jax.random.normal(jax.random.key(0), (5, LENGTH, VOCABULARY))
    loss = lambda x: jnp.sum(caption.score(x, ids).loss)
    touched = np.any(jax.grad(loss)(logits) != 0, axis=-1)
    np.testing.assert_array_equal(touched, ids != PAD)


def test_loss_and_metrics_by_hand():
    ids = jnp.array([[4, EOS, PAD], [5, 6, EOS]])
    probabilities = jnp.array(
        [
            [[0.1] * 4 + [0.5, 0.05, 0.05], [0.4, 0.1, 0.1, 0.2, 0.1, 0.05, 0.05], [1 / 7] * 7],
            [[1 / 7] * 7, [1 / 7] * 7, [0.05, 0.05, 0.1, 0.5, 0.1, 0.1, 0.1]],
        ]
    )
    loss, count, measured = caption.score(jnp.log(probabilities), ids)
    np.testing.assert_allclose(loss, [-np.log(0.5 * 0.2), -np.log(0.5 / 49)], rtol=1e-5)
    np.testing.assert_array_equal(count, [2, 3])
    np.testing.assert_array_equal(measured["accuracy"][0], [1, 1])
    np.testing.assert_array_equal(measured["accuracy"][1], [2, 3])
    entropies = -np.sum(probabilities * np.log(probabilities), axis=-1) * (ids != PAD)
    np.testing.assert_allclose(measured["entropy"][0], entropies.sum(axis=1), rtol=1e-5)


def test_perplexity_of_a_uniform_model_is_the_vocabulary_size():
    ids = jnp.asarray(tiny.ids(5, LENGTH))
    uniform = jnp.full((5, LENGTH, VOCABULARY), 1.7)
    loss, count, measured = caption.score(uniform, ids)
    np.testing.assert_allclose(np.exp(loss.sum() / count.sum()), VOCABULARY, rtol=1e-6)
    entropy, count = measured["entropy"]
    np.testing.assert_allclose(np.exp(entropy.sum() / count.sum()), VOCABULARY, rtol=1e-6)


def test_every_token_is_read(read):
    ids = jnp.array([[4, 5, 6, 7, EOS, PAD, PAD, PAD]])
    changed = jnp.concatenate([ids, *[ids.at[0, i].set(9) for i in range(5)]])
    means = read(changed).mean
    assert np.all(np.abs(means[1:] - means[:1]).max(axis=1) > 1e-4)


def test_the_order_of_tokens_is_read(read):
    means = read(jnp.array([[4, 5, EOS] + [PAD] * 5, [5, 4, EOS] + [PAD] * 5])).mean
    assert np.abs(means[0] - means[1]).max() > 1e-4


def test_an_absent_caption_is_encoded_without_nan(read):
    posterior = read(jnp.full((2, LENGTH), PAD))
    assert np.all(np.isfinite(posterior.mean) & np.isfinite(posterior.logvar))
