"""A model of a few thousand parameters, and random batches for it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from configs import base
from mmvae.data.modalities import of_run
from mmvae.data.text import EOS, NUM_SPECIAL, PAD
from mmvae.machine.parallel import AXIS
from mmvae.models import mmvae
from mmvae.objectives import family

VOCABULARY = 24
# Initial values that are neither noise nor zero.
CONSTANTS = {"scale": 1.0, "alignment_scale": 2.3, "alignment_bias": -10.0}
# Changes of `config` by which pictures are sampled by a flow.
FLOW = {
    "model__modalities__image__decoder": "flow",
    "model__modalities__image__flow_layers": 1,
    "model__modalities__image__flow_steps": 2,
}
CLASSES = {"shape": ("square", "heart"), "size": ("small", "big")}  # of the label modality


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
    config.eval.samples_every_epochs = 0  # they cost a minute of compilation
    config.update_from_flattened_dict(
        {name.replace("__", "."): value for name, value in changes.items()}
    )
    return config


def with_label(**changes):
    """`config` with a third modality: a label of two attributes with two classes each."""
    labelled = config()
    spec = {
        "kind": "label",
        "classes": CLASSES,
        "width": 32,
        "heads": 2,
        "squeeze": 4,
        "dropout": 0.0,
    }
    with labelled.unlocked():
        labelled.model.modalities.label = ConfigDict(
            spec | {"encoder_layers": 1, "decoder_layers": 1}
        )
        loss = labelled.loss
        loss.subsets.label, loss.cross.label, loss.weights.label = 0.2, 1.0, 1.0
        labelled.update_from_flattened_dict(
            {name.replace("__", "."): value for name, value in changes.items()}
        )
    return labelled


def modalities(config, vocabulary=VOCABULARY):
    """{name: Modality} of a configuration."""
    return of_run(config, vocabulary)


def model(config, vocabulary=VOCABULARY):
    return family.build(config, modalities(config, vocabulary))


def ids(rows, length, seed=0):
    """Random captions [rows, length] of at least one token, EOS, then PAD."""
    random = np.random.default_rng(seed)
    ids = random.integers(NUM_SPECIAL, VOCABULARY, (rows, length)).astype(np.int32)
    for row, end in zip(ids, random.integers(1, length, rows), strict=True):
        row[end], row[end + 1 :] = EOS, PAD
    return ids


def batch(config, rows=8, seed=0):
    """A batch of random rows, all present and none padding."""
    random = np.random.default_rng(seed)
    kinds, length = modalities(config), config.data.caption_length
    data = {
        "image": random.integers(0, 256, (rows, *kinds["image"].shape)).astype(np.uint8),
        "caption": ids(rows, length, seed),
    }
    data |= {name: kinds[name].random(random, rows) for name in kinds if name not in data}
    present = {name: np.ones(rows, bool) for name in data}
    return data | {"present": present, "mask": np.ones(rows, bool)}


def ragged(config, rows=8):
    """A batch with absent modalities, unevenly over devices."""
    ragged = batch(config, rows)
    ragged["present"]["image"][:3] = False
    ragged["present"]["caption"][4] = False
    return ragged


def params(config, seed=0, vocabulary=VOCABULARY, noise=0.1):
    """Parameters as at initialisation, with noise on top, so that nothing is exactly zero.

    NumPy draws them: to compile an initialisation takes longer than most tests.
    """
    kinds = modalities(config, vocabulary)
    create = functools.partial(mmvae.initialise, model(config, vocabulary), kinds)
    random = np.random.default_rng(seed)
    start = functools.partial(_initial, random)
    shapes = jax.eval_shape(create, jax.random.key(seed))
    return noisy(jax.tree.map_with_path(start, shapes), seed + 1, noise)


def _initial(random, path, shape):
    """What the model's initialisers give a leaf, by the last name in its path."""
    name = path[-1].key
    if name == "kernel":
        return shape.shape[0] ** -0.5 * random.normal(size=shape.shape)
    return np.full(shape.shape, CONSTANTS.get(name, 0.0))


def noisy(params, seed, noise=0.1):
    """Every leaf with normal noise of that deviation added."""
    random = np.random.default_rng(seed)
    add = lambda leaf: leaf + noise * random.normal(size=jnp.shape(leaf))
    return jax.tree.map(lambda leaf: jnp.asarray(add(leaf), jnp.float32), params)


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
