"""The whole model: every configuration builds, with exact sizes and dtypes."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.machine.parallel import AXIS
from mmvae.models import mmvae
from mmvae.models.mmvae import MMVAE
from mmvae.objectives import elbo, terms
from mmvae.objectives.alignment import ALIGNMENTS
from mmvae.training import optimizer, state
from support import tiny
from support.places import ROOT

VOCABULARY = 4000
# Parameters of each configuration at that vocabulary; change a number only on purpose.
PARAMETERS = {
    "base": 84_768_822,
    "engravings": 84_768_822,
    "engravings_small": 12_792_854,
    "quickstart": 2_941_838,
    "sprites_label": 2_987_928,
    "sprites_level5": 2_991_582,
}
CONFIGS = ROOT / "configs"


def configuration(name):
    return import_module(f"configs.{name}").get_config()


def abstract_params(config, vocabulary=VOCABULARY):
    """Shapes and dtypes of the parameters; nothing is computed."""
    model, modalities = tiny.model(config, vocabulary), tiny.modalities(config, vocabulary)
    create = lambda key: mmvae.initialise(model, modalities, key)
    return jax.eval_shape(create, jax.random.key(0))


def test_the_table_names_every_config_but_those_that_continue_a_run():
    complete = [p.stem for p in CONFIGS.glob("[!_]*.py") if "def get_config()" in p.read_text()]
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
    """(reconstructions, outputs of every block and decoder) of a forward pass."""
    batch = tiny.batch(config, 2)

    def forward(params):
        recorded = ("Block", "ImageDecoder", "CaptionDecoder")
        return model.apply(
            {"params": params},
            {name: batch[name] for name in ("image", "caption")},
            batch["present"],
            capture_intermediates=lambda module, method: (
                method == "__call__" and type(module).__name__ in recorded
            ),
        )

    decoded, state = jax.eval_shape(forward, params)
    return decoded, jax.tree.leaves_with_path(state["intermediates"])


def test_parameters_and_optimizer_state_are_float32(half):
    config, _, params = half
    create = lambda params: state.create(params, optimizer.build(config.optimizer, 10))
    created = jax.eval_shape(create, params)
    assert dtypes((created.params, created.ema_params)) == {"float32"}
    assert dtypes(created.opt_state) == {"float32", "int32"}  # int32 counts steps


def test_activations_of_blocks_are_bfloat16(half):
    _, recorded = abstract_forward(*half)
    leaves = [leaf for path, leaf in recorded if "Block" in jax.tree_util.keystr(path)]
    assert len(leaves) == 4  # two encoders and two decoders of one block
    assert dtypes(leaves) == {"bfloat16"}


def test_pictures_logits_and_losses_are_float32(half):
    decoded, recorded = abstract_forward(*half)
    leaves = [leaf for path, leaf in recorded if "Block" not in jax.tree_util.keystr(path)]
    assert sorted(leaf.shape for leaf in leaves) == [(2, 8, tiny.VOCABULARY), (2, 16, 16, 1)]
    assert dtypes((leaves, [found.loss for found in decoded.values()])) == {"float32"}


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


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_losses_and_gradients_are_float32(half, alignment):
    _, model, params = half
    config = tiny.config(model__dtype="bfloat16", loss__alignment=alignment)
    batch = jax.tree.map(lambda x: x[None], tiny.batch(config, 2))

    def gradients(params, batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        settings = terms.Settings(config.loss, 1.0)
        loss = lambda params: elbo.elbo(model.bind({"params": params}), batch, keys, settings)
        return jax.value_and_grad(loss, has_aux=True)(params)

    run = jax.vmap(gradients, in_axes=(None, 0), axis_name=AXIS)
    (loss, metrics), gradient = jax.eval_shape(run, params, batch)
    assert dtypes((loss, gradient)) == {"float32"}
    assert dtypes([total for name, (total, _) in metrics.items() if "loss" in name]) == {"float32"}


# Behaviour


def test_a_model_that_starts_anew_knows_its_kinds_by_name(labelled_model):
    config, model, _ = labelled_model
    parts = {f"{part}_{name}" for part in ("encoders", "decoders", "heads") for name in model.names}
    params = abstract_params(config, tiny.VOCABULARY)
    assert set(params) == parts | {"prior", "alignment_scale", "alignment_bias"}
    assert model.names == ("caption", "image", "label")


def test_a_third_modality_leaves_the_others_as_they_were(labelled_model):
    """Parameter paths are checkpoints: they do not change with what else there is."""
    three = abstract_params(labelled_model[0], tiny.VOCABULARY)
    two = abstract_params(tiny.config(), tiny.VOCABULARY)
    names = [name for name in two if name != "prior"]
    shapes = lambda tree: jax.tree.map(lambda x: x.shape, {name: tree[name] for name in names})
    assert shapes(three) == shapes(two)
    assert set(three["prior"]) == {*two["prior"], "read_label"}


def test_fusions_have_the_same_parameters():
    shapes = lambda fusion: jax.tree.map(
        lambda x: x.shape, abstract_params(tiny.config(model__fusion=fusion), tiny.VOCABULARY)
    )
    assert shapes("mixture") == shapes("product")


def test_inferring_is_encoding_and_fusing(labelled_model):
    config, model, params = labelled_model
    batch = tiny.batch(config, 3)
    inputs = {name: batch[name] for name in model.names}
    present = batch["present"] | {"label": np.array([True, False, True])}

    def both(params):
        bound = model.bind({"params": params})
        return bound.infer(inputs, present), bound.fuse(bound.encode(inputs), present)

    found, expected = jax.jit(both)(params)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


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
