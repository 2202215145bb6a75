"""The training objective: its total, what no gradient may reach, three modalities."""

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


def objective(config, model, kl_weight=0.01):
    """one(params, batch) -> (total, metrics) of one device of many."""

    def one(params, batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        settings = terms.Settings(config.loss, kl_weight, config.data.shares.pair > 0)
        return elbo.elbo(model.bind({"params": params}), batch, keys, settings)

    return one


def compiled(one, devices=1):
    """run(params, batch) -> what `one` returns, of each device."""
    run = lambda params, batch: tiny.on_devices(functools.partial(one, params), devices)(batch)
    return jax.jit(run)


def compiled_gradients(config, model, kl_weight=0.01):
    """gradients(params, batch) -> ((total, metrics), gradients) on one device."""
    run = compiled(jax.value_and_grad(objective(config, model, kl_weight), has_aux=True))
    return lambda params, batch: jax.tree.map(lambda x: x[0], run(params, batch))


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


def test_captions_alone_change_no_number_of_pairs(tiny_model):
    """Beside the same pairs: what is logged of pairs, the prior and the alignment stay."""
    _, model, params = tiny_model
    config = tiny.config(data__shares__pair=0.5, data__shares__caption=0.5)
    run = compiled(objective(config, model))
    batch, padded = tiny.batch(config), tiny.batch(config)
    padded["mask"][4:] = False
    batch["present"]["image"][4:] = False
    (_, own), (_, mixed) = run(params, padded), run(params, batch)
    names = [name for name in own if name != "loss_total"]
    leaves_equal([own[n] for n in names], [mixed[n] for n in names], rtol=1e-4, atol=1e-5)
    assert own["loss_total"] != mixed["loss_total"], "they teach all the same"


def test_without_a_share_of_pairs_every_row_counts(gradients, tiny_model):
    config, _, params = tiny_model
    batch = tiny.batch(config)
    batch["present"]["image"][:4], batch["present"]["caption"][4:] = False, False
    (_, metrics), _ = gradients(params, batch)
    assert metrics["loss_kl"][1] == len(batch["mask"])
    assert metrics["loss_alignment"][0] == 0 and metrics["loss_prior"][0] > 0


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
    run = compiled(objective(config, model))
    total, metrics = jax.tree.map(lambda x: x[0], run(params, tiny.ragged(config)))
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
        return jax.grad(objective(config, model), has_aux=True)(params, batch)[0]

    run, batch = tiny.on_one(one), tiny.batch(config)
    caption_only = run(batch | {"seen": shown("caption")})
    assert is_zero(caption_only["decoders_image"])
    image_only = run(batch | {"seen": shown("image")})
    assert not is_zero(image_only["decoders_caption"])
    assert not is_zero(image_only["decoders_image"])


# Three modalities

NAMES = ("image", "caption", "label")


@pytest.fixture(scope="module")
def three():
    """(config, model, gradients on one device) with subsets of two modalities."""
    config = tiny.with_label(**{"loss__subsets__image+label": 0.3}).lock()
    model = tiny.model(config)
    return config, model, compiled_gradients(config, model)


def ragged_labels(config):
    """A batch with absent modalities of each kind and an unknown attribute."""
    batch = tiny.ragged(config)
    batch["present"]["label"][[1, 5, 6]] = False
    batch["label"][7, 1] = 0
    return batch


def test_three_modalities_lose_the_same_on_four_devices(three, labelled_model):
    config, model, gradients = three
    batch, params = ragged_labels(config), labelled_model[2]
    (total, metrics), _ = gradients(params, batch)
    totals, parts = compiled(objective(config, model), 4)(params, batch)
    np.testing.assert_allclose(totals.mean(), total, rtol=1e-4)
    assert {"loss_label", "label_accuracy", "loss_alignment", "loss_kl"} <= set(metrics)
    mean = lambda sums, counts: np.sum(sums, axis=0) / max(np.sum(counts), 1)
    for name, (one, count) in metrics.items():
        found, expected = mean(*parts[name]), mean(one[None], count[None])
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5, err_msg=name)


def test_every_part_of_three_modalities_learns(three, labelled_model):
    config, _, gradients = three
    _, gradient = gradients(labelled_model[2], ragged_labels(config))
    parts = [f"{part}_{name}" for part in ("encoders", "decoders", "heads") for name in NAMES]
    assert [part for part in parts if is_zero(gradient[part])] == []
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_an_absent_one_of_three_contributes_no_loss_and_no_gradient(three, labelled_model):
    config, _, gradients = three
    batch, other = ragged_labels(config), tiny.batch(config, seed=1)
    changed = dict(batch)
    for name, present in batch["present"].items():
        keep = present.reshape(-1, *[1] * (batch[name].ndim - 1))
        changed[name] = np.where(keep, batch[name], other[name])
    params = labelled_model[2]
    leaves_equal(gradients(params, batch), gradients(params, changed), rtol=1e-5, atol=1e-6)


def test_a_batch_without_labels_teaches_nothing_about_labels(three, labelled_model):
    config, _, gradients = three
    batch = tiny.batch(config)
    batch["present"]["label"][:] = False
    (_, metrics), gradient = gradients(labelled_model[2], batch)
    assert metrics["loss_label"] == (0.0, 0.0)
    assert is_zero([gradient[f"{part}_label"] for part in ("encoders", "decoders", "heads")])
    assert not is_zero(gradient["decoders_image"])
