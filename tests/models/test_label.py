"""Labels: scores by hand, unknown attributes, and what the reader reads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import label
from support import tiny


@pytest.fixture(scope="module")
def read():
    """(encode, its parameters): encode(params, data) -> Gaussian, of a tiny label."""
    encoder = tiny.model(tiny.with_label()).encoders["label"]
    variables = jax.jit(encoder.init)(jax.random.key(0), jnp.ones((1, 2), jnp.int32))
    return jax.jit(encoder.apply), tiny.noisy(variables, 1)


def some_logits(rows, sizes=(2, 3)):
    random = np.random.default_rng(0)
    return [jnp.float32(random.normal(size=(rows, size))) for size in sizes]


def test_score_by_hand():
    logits = [
        jnp.log(jnp.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])),
        jnp.log(jnp.array([[0.1, 0.6, 0.3], [0.7, 0.2, 0.1], [0.2, 0.3, 0.5]])),
    ]
    data = jnp.array([[2, 2], [0, 3], [0, 0]])
    loss, count, measured = label.score(logits, data)
    np.testing.assert_allclose(loss, [-np.log(0.8 * 0.6), -np.log(0.1), 0.0], rtol=1e-5)
    np.testing.assert_array_equal(count, [2, 1, 0])
    np.testing.assert_array_equal(measured["accuracy"][0], [2, 0, 0])
    np.testing.assert_array_equal(measured["accuracy"][1], count)


def test_logits_of_unknown_attributes_never_count():
    data = jnp.array([[1, 0], [0, 3], [2, 2], [0, 0]])
    logits = some_logits(4)
    other = [
        jnp.where(data[:, [place]] == 0, 50.0 * jnp.eye(each.shape[1])[0], each)
        for place, each in enumerate(logits)
    ]
    measure = lambda x: label.score(x, data)
    jax.tree.map(np.testing.assert_array_equal, measure(logits), measure(other))


def test_no_gradient_reaches_the_logits_of_unknown_attributes():
    data = jnp.array([[1, 0], [0, 3], [2, 2], [0, 0]])
    gradient = jax.grad(lambda x: jnp.sum(label.score(x, data).loss))(some_logits(4))
    touched = [np.any(each != 0, axis=-1) for each in gradient]
    np.testing.assert_array_equal(np.stack(touched, axis=1), data > 0)


def test_every_attribute_and_class_is_read(read):
    encode, variables = read
    rows = jnp.array([[1, 1], [1, 2], [2, 1], [2, 2], [1, 0], [2, 0], [0, 1], [0, 2]])
    means = np.asarray(encode(variables, rows).mean)
    apart = np.abs(means[:, None] - means[None]).max(axis=-1) + np.eye(len(rows))
    assert np.all(apart > 1e-4), "the same class of another attribute is another thing"


def test_an_unknown_attribute_teaches_the_reader_nothing(read):
    encode, variables = read
    read_out = lambda v, data: jnp.sum(jnp.square(encode(v, data).mean))
    table = lambda data: jax.grad(read_out)(variables, data)["params"]["Embed_0"]["embedding"]
    touched = np.any(table(jnp.array([[2, 0], [1, 0]])) != 0, axis=-1)
    np.testing.assert_array_equal(touched, [True, True, False, False])


def test_an_absent_label_is_encoded_without_nan(read):
    encode, variables = read
    blank = jnp.zeros((2, 2), jnp.int32)
    value = lambda v: jnp.sum(encode(v, blank).mean) + jnp.sum(encode(v, blank).logvar)
    for leaf in jax.tree.leaves(jax.value_and_grad(value)(variables)):
        assert np.all(np.isfinite(leaf))
