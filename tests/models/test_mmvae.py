"""The whole model: every configuration builds, with exact sizes and dtypes."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.machine.parallel import AXIS
from mmvae.models import mmvae
from mmvae.models.mmvae import MMVAE
from mmvae.objectives import elbo
from mmvae.training import optimizer, state
from support import tiny
from support.places import ROOT

VOCABULARY = 4000
# Parameters of each configuration at that vocabulary; change a number only on purpose.
PARAMETERS = {
    "base": 84_768_822,
    "engravings_small": 12_792_854,
    "quickstart": 2_941_838,
    "sprites_level5": 2_991_582,
}
CONFIGS = ROOT / "configs"


def configuration(name):
    return import_module(f"configs.{name}").get_config()


def abstract_params(config, vocabulary=VOCABULARY):
    """Shapes and dtypes of the parameters; nothing is computed."""
    image, (length, _) = tiny.shapes(config).values()
    example = {
        "image": jax.ShapeDtypeStruct((1, *image), np.uint8),
        "caption": jax.ShapeDtypeStruct((1, length), np.int32),
    }
    model = tiny.model(config, vocabulary)
    create = lambda key, batch: mmvae.initialise(model, config.model, key, batch)
    return jax.eval_shape(create, jax.random.key(0), example)


def test_the_table_names_every_config_but_those_that_continue_a_run():
    complete = [p.stem for p in CONFIGS.glob("[!_]*.py") if "get_config():" in p.read_text()]
    assert sorted(PARAMETERS) == sorted(complete)


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name):
    assert tiny.size(abstract_params(configuration(name))) == PARAMETERS[name]


def test_the_reference_model_has_85_million_parameters():
    assert PARAMETERS["base"] == pytest.approx(85e6, rel=0.03)


# Dtypes


@pytest.fixture(scope="module")
def half():
    """(config, model, abstract parameters) with products in bfloat16."""
    config = tiny.config(model__dtype="bfloat16")
    return config, tiny.model(config), abstract_params(config, tiny.VOCABULARY)


def dtypes(tree):
    return {str(leaf.dtype) for leaf in jax.tree.leaves(tree)}


def abstract_forward(config, model, params):
    """(outputs, intermediates) of a forward pass with every block's output recorded."""
    batch = tiny.batch(config, 2)

    def forward(params):
        blocks = lambda module, _: type(module).__name__ == "Block"
        return model.apply(
            {"params": params},
            {name: batch[name] for name in ("image", "caption")},
            {"image": None, "caption": batch["caption"]},
            batch["present"],
            capture_intermediates=blocks,
        )

    return jax.eval_shape(forward, params)


def test_parameters_and_optimizer_state_are_float32(half):
    config, _, params = half
    create = lambda params: state.create(params, optimizer.build(config.optimizer, 10))
    created = jax.eval_shape(create, params)
    assert dtypes((created.params, created.ema_params)) == {"float32"}
    assert dtypes(created.opt_state) == {"float32", "int32"}  # int32 counts steps


def test_activations_of_blocks_are_bfloat16(half):
    _, recorded = abstract_forward(*half)
    leaves = jax.tree.leaves(recorded["intermediates"])
    assert len(leaves) == 4  # two encoders and two decoders of one block
    assert dtypes(leaves) == {"bfloat16"}


def test_pictures_and_logits_are_float32(half):
    outputs, _ = abstract_forward(*half)
    assert dtypes(outputs) == {"float32"}


def test_posterior_moments_are_float32(half):
    config, model, params = half
    inputs = {name: tiny.batch(config, 2)[name] for name in ("image", "caption")}
    encode = lambda params: model.apply({"params": params}, inputs, method=MMVAE.encode)
    assert dtypes(jax.eval_shape(encode, params)) == {"float32"}


def test_velocities_are_float32(half):
    config, model, params = half
    inputs = {name: tiny.batch(config, 2)[name] for name in ("image", "caption")}

    def velocity(params):
        experts = model.apply({"params": params}, inputs, method=MMVAE.encode)
        z, known = experts["image"].mean, {name: jnp.ones(2, bool) for name in inputs}
        return model.apply({"params": params}, z, z[:, 0], experts, known, method=MMVAE.velocity)

    assert dtypes(jax.eval_shape(velocity, params)) == {"float32"}


@pytest.mark.parametrize("alignment", elbo.ALIGNMENTS)
def test_losses_and_gradients_are_float32(half, alignment):
    _, model, params = half
    config = tiny.config(model__dtype="bfloat16", loss__alignment=alignment)
    batch = jax.tree.map(lambda x: x[None], tiny.batch(config, 2))

    def gradients(params, batch):
        loss = lambda params: elbo.train_losses(
            model, params, batch, jax.random.key(0), config, 1.0
        )
        return jax.value_and_grad(loss, has_aux=True)(params)

    run = jax.vmap(gradients, in_axes=(None, 0), axis_name=AXIS)
    (loss, metrics), gradient = jax.eval_shape(run, params, batch)
    assert dtypes((loss, gradient)) == {"float32"}
    assert dtypes([total for name, (total, _) in metrics.items() if "loss" in name]) == {"float32"}


# Behaviour


def test_projections_have_unit_length(tiny_model):
    config, model, params = tiny_model
    inputs = {name: tiny.batch(config, 3)[name] for name in ("image", "caption")}
    project = lambda m, inputs: m.project(m.encode(inputs))
    vectors = jax.jit(lambda p, x: model.apply({"params": p}, x, method=project))(params, inputs)
    for name in inputs:
        assert vectors[name].shape == (3, 8)
        np.testing.assert_allclose(jnp.linalg.norm(vectors[name], axis=-1), 1.0, rtol=1e-4)


def test_alignment_starts_by_calling_every_pair_different(tiny_model):
    _, model, params = tiny_model
    params = params | {"alignment_scale": jnp.log(10.0), "alignment_bias": jnp.float32(-10.0)}
    logits = model.apply(
        {"params": params}, jnp.eye(8)[:2], jnp.eye(8)[:3], method=MMVAE.alignment_logits
    )
    np.testing.assert_allclose(logits, [[0.0, -10.0, -10.0], [-10.0, 0.0, -10.0]], atol=1e-5)
