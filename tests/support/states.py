"""Small training states, compared bit for bit, and damage done to stored ones."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax


@flax.struct.dataclass
class State:
    step: Any
    params: Any
    ema_params: Any
    opt_state: Any
    key: Any
    unused: Any = None


def make_state(step=0, width=8):
    kernel = jnp.asarray(np.random.default_rng(step).random((4, width), np.float32))
    params = {"encoder": {"kernel": kernel, "bias": jnp.full(width, step, jnp.bfloat16)}}
    opt_state = optax.chain(optax.clip(1.0), optax.adamw(1e-3)).init(params)
    opt_state, ema = jax.tree.map(lambda x: x + 1, (opt_state, params))
    return State(jnp.int32(step), params, ema, opt_state, jax.random.key(step + 1))


ABSTRACT = jax.eval_shape(make_state)


def assert_same(restored, expected):
    assert jax.tree.structure(restored) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(restored), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def largest(step):
    return max(step.glob("state/**/d/*"), key=lambda path: path.stat().st_size)


def flip_byte(step):
    content = bytearray(largest(step).read_bytes())
    content[len(content) // 2] ^= 1
    largest(step).write_bytes(content)
