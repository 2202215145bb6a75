"""Transformer layers: masks, caches, heads, and the dtypes of products and parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import layers

WIDTH = 8


def inputs(rows=2, length=5, seed=0):
    return jax.random.normal(jax.random.key(seed), (rows, length, WIDTH))


def transformer(count=2, dtype=jnp.float32):
    module = layers.Transformer(count, heads=2, dtype=dtype)
    return module, jax.jit(module.init)(jax.random.key(0), inputs())


def test_attention_equals_the_textbook_formula():
    x, module = inputs(), layers.Attention(heads=2, dtype=jnp.float32)
    variables = module.init(jax.random.key(1), x)
    kernel = variables["params"]["qkv"]["kernel"]
    out = jax.tree.map(np.asarray, variables["params"]["out"])
    query, key, value = np.split(np.asarray(x @ kernel), 3, axis=-1)
    parts = []
    for head in (slice(0, 4), slice(4, 8)):
        scores = query[..., head] @ key[..., head].swapaxes(1, 2) / np.sqrt(4)
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        parts.append(weights @ value[..., head])
    expected = np.concatenate(parts, axis=-1) @ out["kernel"] + out["bias"]
    np.testing.assert_allclose(module.apply(variables, x)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_masked_position_has_no_influence():
    module, variables = transformer()
    mask = jnp.array([True, True, True, False, True])[None, None, None]
    x = inputs()
    before, _ = module.apply(variables, x, mask)
    after, _ = module.apply(variables, x.at[:, 3].set(7.0), mask)
    others = np.array([0, 1, 2, 4])
    np.testing.assert_array_equal(before[:, others], after[:, others])
    assert not np.allclose(before[:, 3], after[:, 3])


def test_a_row_that_sees_nothing_stays_finite():
    module, variables = transformer()
    out, _ = module.apply(variables, inputs(), jnp.zeros((1, 1, 1, 5), bool))
    assert np.all(np.isfinite(out))


def test_positions_one_by_one_with_a_cache_equal_all_at_once():
    module, variables = transformer()
    x, length = inputs(), 5
    causal = jnp.tril(jnp.ones((length, length), bool))[None, None]
    expected, _ = module.apply(variables, x, causal)
    empty = jnp.zeros((2, length, 2, WIDTH // 2))
    caches, found = ((empty, empty),) * 2, []
    for i in range(length):
        visible = (jnp.arange(length) <= i)[None, None, None]
        out, caches = module.apply(variables, x[:, i : i + 1], visible, caches, i)
        found.append(out)
    np.testing.assert_allclose(jnp.concatenate(found, 1), expected, rtol=1e-4, atol=1e-5)


def test_a_posterior_ignores_invisible_positions():
    module = layers.PosteriorHead(latent_dim=3, squeeze=2, dtype=jnp.float32)
    x, visible = inputs(), jnp.array([[True] * 3 + [False] * 2] * 2)
    variables = module.init(jax.random.key(0), x, visible)
    before = module.apply(variables, x, visible)
    after = module.apply(variables, x.at[:, 3:].set(9.0), visible)
    np.testing.assert_array_equal(before.mean, after.mean)
    changed = module.apply(variables, x.at[:, 0].set(9.0), visible)
    assert not np.allclose(before.mean, changed.mean)


def test_every_position_of_a_canvas_reads_the_latent():
    module = layers.LatentCanvas(length=5, width=WIDTH, squeeze=2, dtype=jnp.float32)
    z = jax.random.normal(jax.random.key(0), (2, 3))
    variables = module.init(jax.random.key(1), z)
    canvas = module.apply(variables, z)
    assert canvas.shape == (2, 5, WIDTH)
    assert np.all(np.abs(canvas[0] - canvas[1]).max(axis=-1) > 0)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_products_run_in_the_dtype_and_parameters_are_float32(dtype):
    module, variables = transformer(1, dtype)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    out = jax.eval_shape(lambda x: module.apply(variables, x)[0], inputs().astype(dtype))
    assert out.dtype == dtype


def test_dropout_keeps_the_mean_and_drops_rows_by_their_own_keys():
    x, keys = jnp.ones((64, 5, 40)), jax.random.split(jax.random.key(0), 64)
    dropped = layers.dropout(x, 0.25, keys, 3)
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)}
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.02)
    np.testing.assert_array_equal(layers.dropout(x[8:10], 0.25, keys[8:10], 3), dropped[8:10])
    assert np.any(np.asarray(layers.dropout(x, 0.25, keys, 4)) != np.asarray(dropped))


def test_nothing_is_dropped_without_keys():
    x = jnp.ones((2, 3, 4))
    assert layers.dropout(x, 0.25, None, 0) is x
    assert layers.dropout(x, 0.0, jax.random.split(jax.random.key(0), 2), 0) is x


def test_a_transformer_drops_only_where_rows_have_keys():
    x, keys = jax.random.normal(jax.random.key(1), (2, 3, 8)), jax.random.split(jax.random.key(0))
    plain, dropping = (layers.Transformer(1, 2, jnp.float32, dropout=d) for d in (0.0, 0.5))
    params = plain.init(jax.random.key(2), x)
    still = plain.apply(params, x)[0]
    np.testing.assert_array_equal(dropping.apply(params, x)[0], still)
    assert np.any(np.asarray(dropping.apply(params, x, keys=keys)[0]) != np.asarray(still))
