"""A model of a few thousand parameters, and random batches for it."""

import jax
import jax.numpy as jnp
import numpy as np

from configs import base
from mmvae.data.text import EOS, NUM_SPECIAL, PAD
from mmvae.machine.parallel import AXIS
from mmvae.models import mmvae

VOCABULARY = 24


def config(**changes):
    """`configs/base.py` in tiny; `changes` name fields with "__" for "."."""
    config = base.get_config()
    config.data.image_size = 16
    config.data.caption_length = 8
    model = config.model
    model.dtype = "float32"
    model.latent.dim = model.alignment_dim = 8
    for spec in model.modalities.values():
        spec.width, spec.heads, spec.squeeze = 32, 2, 4
        spec.encoder_layers = spec.decoder_layers = 1
    model.modalities.caption.latent_tokens = 2
    model.prior.width, model.prior.layers = 32, 1
    config.train.batch_size = config.eval.batch_size = 8
    config.samplers.prior_steps = 20
    config.eval.samples_every_epochs = 5
    config.update_from_flattened_dict(
        {name.replace("__", "."): value for name, value in changes.items()}
    )
    return config


def shapes(config, vocabulary=VOCABULARY):
    """Shapes of the modalities, as `mmvae.build` takes them."""
    data = config.data
    return {
        "image": (data.image_size, data.image_size, data.channels),
        "caption": (data.caption_length, vocabulary),
    }


def model(config, vocabulary=VOCABULARY):
    return mmvae.build(config.model, shapes(config, vocabulary))


def ids(rows, length, seed=0):
    """Random captions [rows, length] of at least one token, EOS, then PAD."""
    random = np.random.default_rng(seed)
    ids = random.integers(NUM_SPECIAL, VOCABULARY, (rows, length)).astype(np.int32)
    for row, end in zip(ids, random.integers(1, length, rows), strict=True):
        row[end], row[end + 1 :] = EOS, PAD
    return ids


def batch(config, rows=8, seed=0):
    """A batch of random pairs, all present and none padding."""
    random = np.random.default_rng(seed)
    image, (length, _) = shapes(config).values()
    return {
        "image": random.integers(0, 256, (rows, *image)).astype(np.uint8),
        "caption": ids(rows, length, seed),
        "present": {"image": np.ones(rows, bool), "caption": np.ones(rows, bool)},
        "mask": np.ones(rows, bool),
    }


def ragged(config, rows=8):
    """A batch with absent modalities, unevenly over devices."""
    ragged = batch(config, rows)
    ragged["present"]["image"][:3] = False
    ragged["present"]["caption"][4] = False
    return ragged


def params(config, seed=0, vocabulary=VOCABULARY, noise=0.1):
    """Parameters with noise on top, so that nothing is exactly zero as at initialisation."""
    example = {
        "image": np.zeros((1, *shapes(config)["image"]), np.uint8),
        "caption": np.ones((1, config.data.caption_length), np.int32),
    }
    key = jax.random.key(seed)
    params = mmvae.initialise(model(config, vocabulary), config.model, key, example)
    return noisy(params, key, noise)


@jax.jit
def noisy(params, key, noise=0.1):
    """Every leaf with normal noise of that deviation added."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    add = lambda leaf, key: leaf + noise * jax.random.normal(key, leaf.shape, leaf.dtype)
    return structure.unflatten(map(add, leaves, keys))


def on_devices(function, count=1):
    """`function` of batches on `count` devices made of one: results are of each device."""

    def run(*batches):
        parts = jax.tree.map(lambda x: jnp.reshape(x, (count, -1, *jnp.shape(x)[1:])), batches)
        return jax.vmap(function, axis_name=AXIS)(*parts)

    return jax.jit(run)


def on_one(function):
    """`function` of batches as the only device runs it."""
    run = on_devices(function)
    return lambda *batches: jax.tree.map(lambda x: x[0], run(*batches))


def size(tree):
    """Number of numbers in a tree of arrays or shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
