"""A pytree as it is stored: numpy arrays on the host, independent of the number of devices."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from mmvae.runs import patterns


def to_host(tree: PyTree) -> PyTree:
    """A pytree of arrays as numpy arrays; typed PRNG keys as their uint32 data."""
    return jax.tree.map(lambda x: np.asarray(jax.random.key_data(x) if _is_key(x) else x), tree)


def abstract(tree: PyTree) -> PyTree:
    """ShapeDtypeStructs of `to_host(tree)`; leaves: arrays, structs or Orbax metadata."""

    def struct(leaf):
        leaf = jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
        return jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf

    return jax.tree.map(struct, tree)


def with_keys(template: PyTree, tree: PyTree) -> PyTree:
    """Undoes `to_host` for the typed PRNG keys: `tree` with the key types of `template`."""

    def restore(like, leaf):
        if not _is_key(like):
            return leaf
        impl = jax.random.key_impl(jnp.zeros((), like.dtype))
        return jax.random.wrap_key_data(leaf, impl=impl)

    return jax.tree.map(restore, template, tree)


def differences(stored: PyTree, wanted: PyTree) -> list[str]:
    """One phrase for each leaf whose path, shape or dtype is not the same in both trees."""
    stored, wanted = _describe(stored), _describe(wanted)
    return [
        f"{path} is {stored.get(path, 'absent')} there and {wanted.get(path, 'absent')} here"
        for path in wanted | stored
        if stored.get(path) != wanted.get(path)
    ]


def _is_key(leaf):
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _describe(tree):
    """{path: "dtype[shape]"}, e.g. {"params/encoder/kernel": "float32[3,8]"}."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        patterns.name(path): f"{np.dtype(x.dtype).name}[{','.join(map(str, x.shape))}]"
        for path, x in leaves
    }
