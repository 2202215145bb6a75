"""Low-rank adapters: nothing at first, and merged the same function."""

import jax
import numpy as np

from mmvae.models import adapters, caption
from support import tiny


def reconstruction(config, params):
    """Everything the model makes of a batch, through every transformer."""

    def decoded(model, inputs, present):
        z, ids = model.infer(inputs, present).mean, inputs["caption"]
        made = {"image": (z,), "caption": (z, caption.teacher(ids))}
        return {name: model.decoders[name](*given) for name, given in made.items()}

    batch = tiny.batch(config)
    inputs = {name: batch[name] for name in ("image", "caption")}
    run = jax.jit(lambda p: tiny.model(config).apply(p, inputs, batch["present"], method=decoded))
    return run({"params": params})


def test_merged_parameters_are_the_same_function_of_the_plain_model():
    config = tiny.config(model__adapter_rank=2).lock()
    plain = adapters.without(config)
    params = tiny.params(config)
    merged = adapters.merged(params)
    assert jax.tree.structure(merged) == jax.tree.structure(tiny.params(plain))
    made, wanted = reconstruction(plain, merged), reconstruction(config, params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), made, wanted)
    removed = adapters.merged(params | {part: no_adapters(params[part]) for part in params})
    moved = reconstruction(plain, removed)
    assert all(not np.allclose(moved[name], wanted[name], atol=1e-2) for name in wanted)


def no_adapters(tree):
    """Parameters whose adapters are zero."""
    if not isinstance(tree, dict):
        return tree
    zero = {name: 0 * leaf for name, leaf in tree.items() if name == adapters.OUT}
    return {name: no_adapters(leaf) for name, leaf in tree.items()} | zero


def test_new_adapters_change_nothing():
    config = tiny.config(model__adapter_rank=2).lock()
    params = tiny.params(config, noise=0.0)
    without = jax.tree.map(np.asarray, adapters.merged(params))
    kernel = params["encoders_image"]["Transformer_0"]["Block_0"]["Dense_0"]
    assert kernel[adapters.IN].shape == (32, 2)
    np.testing.assert_array_equal(
        without["encoders_image"]["Transformer_0"]["Block_0"]["Dense_0"]["kernel"], kernel["kernel"]
    )
