"""The training objective: its total, what no gradient may reach, three modalities, a mixture."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.objectives import elbo, terms
from support import tiny


def leaves_equal(left, right, **tolerance):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), left, right)


def is_zero(tree):
    return all(np.all(leaf == 0) for leaf in jax.tree.leaves(tree))


def gradient_of(config, model, kl_weight):
    """one(params, batch) -> ((total, metrics), gradients) of one device."""

    def one(params, batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        settings = terms.Settings(config.loss, kl_weight)
        loss = lambda params: elbo.elbo(model.bind({"params": params}), batch, keys, settings)
        return jax.value_and_grad(loss, has_aux=True)(params)

    return one


def compiled_gradients(config, model, devices=1, kl_weight=0.01):
    """gradients(params, batch): means of total and gradients over devices, sums of metrics."""
    one = gradient_of(config, model, kl_weight)

    def run(params, batch):
        parts = tiny.on_devices(functools.partial(one, params), devices)(batch)
        (total, metrics), gradients = parts
        summed = jax.tree.map(lambda x: x.sum(axis=0), metrics)
        return (total.mean(), summed), jax.tree.map(lambda x: x.mean(axis=0), gradients)

    return jax.jit(run)


@pytest.fixture(scope="module")
def gradients(tiny_model):
    config, model, _ = tiny_model
    return compiled_gradients(config, model)


def test_absent_modalities_contribute_no_loss_and_no_gradient(gradients, tiny_model):
    config, _, params = tiny_model
    batch, other = tiny.ragged(config), tiny.batch(config, seed=1)
    changed = dict(batch)
    for name, present in batch["present"].items():
        keep = present.reshape(-1, *[1] * (batch[name].ndim - 1))
        changed[name] = np.where(keep, batch[name], other[name])
    found = gradients(params, batch)
    leaves_equal(found, gradients(params, changed), rtol=1e-5, atol=1e-7)
    ((total, _), _), ((whole, _), _) = (
        found,
        gradients(params, batch | {"present": other["present"]}),
    )
    assert total != whole


def test_a_batch_without_pictures_teaches_nothing_about_pictures(gradients, tiny_model):
    config, _, params = tiny_model
    batch = tiny.batch(config)
    batch["present"]["image"][:] = False
    (_, metrics), gradient = gradients(params, batch)
    assert metrics["loss_image"] == (0.0, 0.0)
    assert is_zero([gradient[f"{part}_image"] for part in ("encoders", "decoders", "heads")])
    assert not is_zero(gradient["decoders_caption"])


def test_padding_rows_contribute_nothing_to_training(gradients, tiny_model):
    config, _, params = tiny_model
    batch, other = tiny.batch(config), tiny.batch(config, seed=1)
    batch["mask"][5:] = False
    changed = batch | {
        n: np.concatenate([batch[n][:5], other[n][5:]]) for n in ("image", "caption")
    }
    leaves_equal(gradients(params, batch), gradients(params, changed), rtol=1e-5, atol=1e-7)


def test_the_total_is_the_weighted_sum_of_its_terms(tiny_model):
    _, model, params = tiny_model
    config = tiny.config(loss__subsets__image=0.0, loss__subsets__caption=0.0)
    (total, metrics), _ = compiled_gradients(config, model)(params, tiny.ragged(config))
    weights = config.loss.weights.to_dict() | {"kl": 0.01}
    mean = {name: metrics[f"loss_{name}"][0] / metrics[f"loss_{name}"][1] for name in weights}
    expected = sum(weight * mean[name] for name, weight in weights.items())
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss_total"][0], total)


def test_no_gradient_of_the_prior_leaves_it(tiny_model):
    _, model, params = tiny_model
    config = tiny.config()
    for name in config.loss.weights:
        config.loss.weights[name] = float(name == "prior")
    _, gradient = compiled_gradients(config, model, kl_weight=0.0)(params, tiny.batch(config))
    assert not is_zero(gradient["prior"])
    assert is_zero({name: part for name, part in gradient.items() if name != "prior"})


def test_cross_weights_say_what_teaches_a_decoder_that_was_not_shown(tiny_model, monkeypatch):
    config, model, params = tiny_model  # cross.image is 0 and cross.caption 1
    shown = lambda *names: {name: np.full(8, name in names) for name in ("image", "caption")}
    seen = []
    told = lambda keys, *_: {name: jnp.resize(x, len(keys)) for name, x in seen[-1].items()}
    monkeypatch.setattr(elbo, "choose_subsets", told)

    def one(batch):
        seen.append(batch["seen"])
        return gradient_of(config, model, 0.01)(params, batch)[1]

    run, batch = tiny.on_one(one), tiny.batch(config)
    caption_only = run(batch | {"seen": shown("caption")})
    assert is_zero(caption_only["decoders_image"])
    image_only = run(batch | {"seen": shown("image")})
    assert not is_zero(image_only["decoders_caption"])
    assert not is_zero(image_only["decoders_image"])


# Three modalities


@pytest.fixture(scope="module")
def three():
    """(config, gradients on one device, on four) with subsets of two modalities."""
    config = tiny.with_label(**{"loss__subsets__image+label": 0.3}).lock()
    model = tiny.model(config)
    return config, compiled_gradients(config, model), compiled_gradients(config, model, 4)


def ragged_labels(config, seed=0):
    """A batch with absent modalities of each kind and an unknown attribute."""
    batch = tiny.ragged(config)
    batch["present"]["label"][[1, 5, 6]] = False
    batch["label"][7, 1] = 0
    return batch


def test_three_modalities_train_the_same_on_four_devices(three, labelled_model):
    config, one, four = three
    batch = ragged_labels(config)
    found, expected = (run(labelled_model[2], batch) for run in (four, one))
    leaves_equal(found, expected, rtol=2e-4, atol=2e-5)
    (total, metrics), gradient = expected
    assert np.isfinite(total)
    label = {"loss_label", "label_accuracy", "loss_image", "loss_caption", "loss_alignment"}
    assert label <= set(metrics)
    for part in ("encoders", "decoders", "heads"):
        for name in ("image", "caption", "label"):
            assert not is_zero(gradient[f"{part}_{name}"]), (part, name)


def test_an_absent_one_of_three_contributes_no_loss_and_no_gradient(three, labelled_model):
    config, gradients, _ = three
    batch, other = ragged_labels(config), tiny.batch(config, seed=1)
    changed = dict(batch)
    for name, present in batch["present"].items():
        keep = present.reshape(-1, *[1] * (batch[name].ndim - 1))
        changed[name] = np.where(keep, batch[name], other[name])
    params = labelled_model[2]
    leaves_equal(gradients(params, batch), gradients(params, changed), rtol=1e-5, atol=1e-6)


def test_a_batch_without_labels_teaches_nothing_about_labels(three, labelled_model):
    config, gradients, _ = three
    batch = tiny.batch(config)
    batch["present"]["label"][:] = False
    (_, metrics), gradient = gradients(labelled_model[2], batch)
    assert metrics["loss_label"] == (0.0, 0.0)
    assert is_zero([gradient[f"{part}_label"] for part in ("encoders", "decoders", "heads")])
    assert not is_zero(gradient["decoders_image"])


# A mixture of experts


def test_absent_modalities_of_a_mixture_contribute_nothing(tiny_model):
    _, _, params = tiny_model
    config = tiny.config(model__fusion="mixture")
    gradients = compiled_gradients(config, tiny.model(config))
    batch, other = tiny.ragged(config), tiny.batch(config, seed=1)
    batch["present"]["caption"][0] = False  # nothing is left of this row
    changed = batch | {
        "image": np.where(batch["present"]["image"][:, None, None, None], batch["image"], 7),
        "caption": np.where(
            batch["present"]["caption"][:, None], batch["caption"], other["caption"]
        ),
    }
    found = gradients(params, batch)
    leaves_equal(found, gradients(params, changed), rtol=1e-5, atol=1e-6)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found))
    assert not is_zero(found[1]["encoders_caption"])
