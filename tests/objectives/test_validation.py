"""Evaluation's metrics: exact counts, padding, gaps, every name; two modalities and three."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.objectives import terms, validation
from support import tiny


def leaves_equal(left, right, **tolerance):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), left, right)


def is_zero(tree):
    return all(np.all(leaf == 0) for leaf in jax.tree.leaves(tree))


def compiled(config, model, devices=1):
    """evaluate(params, batch) -> metrics summed over devices."""

    def one(params, batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        return validation.eval_metrics(model.bind({"params": params}), batch, keys, config.loss)

    def run(params, batch):
        parts = tiny.on_devices(functools.partial(one, params), devices)(batch)
        return jax.tree.map(lambda x: x.sum(axis=0), parts)

    return jax.jit(run)


@pytest.fixture(scope="module")
def evaluate(tiny_model):
    """evaluate(params, batch) -> metrics on one device."""
    config, model, _ = tiny_model
    return compiled(config, model)


def padded(config, rows, seed):
    """A batch of 8 rows of which `rows` are real, the padding drawn from `seed`."""
    batch, other = tiny.batch(config), tiny.batch(config, seed=seed)
    batch["mask"][rows:] = False
    batch["present"]["image"][1] = False
    for name in ("image", "caption"):
        batch[name][rows:] = other[name][rows:]
    return batch


def test_padding_rows_change_no_metric(evaluate, tiny_model):
    config, _, params = tiny_model
    expected = evaluate(params, padded(config, 5, seed=1))
    leaves_equal(expected, evaluate(params, padded(config, 5, seed=2)), rtol=1e-6)
    five = jax.tree.map(lambda x: x[:5], padded(config, 5, seed=1))
    leaves_equal(expected, evaluate(params, five), rtol=1e-4, atol=1e-5)


def test_evaluation_counts_are_exact(evaluate, tiny_model):
    config, _, params = tiny_model
    batch = padded(config, 5, seed=1)
    tokens = lambda rows: (batch["caption"][rows] != 0).sum()
    counts = {name: count for name, (_, count) in evaluate(params, batch).items()}
    assert counts["loss_image"] == counts["image_mse"] == 4
    assert counts["loss_caption"] == counts["caption_accuracy"] == tokens(slice(5))
    assert counts["loss_image_from_caption"] == 4
    assert counts["loss_caption_from_image"] == tokens([0, 2, 3, 4])
    assert counts["loss_kl"] == counts["latent_std"] == counts["loss_prior"] == 5


def test_a_padded_batch_without_rows_counts_nothing(evaluate, tiny_model):
    config, _, params = tiny_model
    metrics = evaluate(params, padded(config, 0, seed=1))
    per_row = {name: metric for name, metric in metrics.items() if name != "loss_alignment"}
    assert is_zero(per_row)


def without(params, *paths):
    """Parameters with the kernels at these paths zero."""
    for first, *rest in paths:
        params = params | {
            first: without(params[first], rest) if rest else jnp.zeros_like(params[first])
        }
    return params


def test_gaps_are_zero_for_decoders_that_ignore_the_latent(evaluate, tiny_model):
    config, _, params = tiny_model
    blind = without(
        params,
        ("decoders_image", "LatentCanvas_0", "expand", "kernel"),
        ("decoders_caption", "prefix", "expand", "kernel"),
    )
    batch = padded(config, 5, seed=1)
    for name in ("image_z_gap", "caption_z_gap"):
        assert evaluate(blind, batch)[name][0] == 0.0
        assert evaluate(params, batch)[name][0] != 0.0


def test_a_row_alone_has_no_gap(evaluate, tiny_model):
    config, _, params = tiny_model
    assert evaluate(params, padded(config, 1, seed=1))["image_z_gap"] == (0.0, 0.0)


def test_evaluation_names_every_metric(evaluate, tiny_model):
    config, _, params = tiny_model
    image = {"loss_image", "image_mse", "image_l1"}
    caption = {"loss_caption", "caption_accuracy", "caption_entropy"}
    expected = image | caption | {"image_z_gap", "caption_z_gap"}
    expected |= {f"{name}_from_caption" for name in image}
    expected |= {f"{name}_from_image" for name in caption}
    expected |= {"loss_kl", "loss_prior", "loss_alignment"}
    expected |= {"latent_mean", "latent_std", "latent_norm"}
    expected |= {"_posterior_mean", "_posterior_mean_square", "_posterior_kl"}
    assert set(evaluate(params, tiny.batch(config))) == expected


# Three modalities


@pytest.fixture(scope="module")
def three(labelled_model):
    """evaluate(params, batch) of a model with a label on one device."""
    config, model, _ = labelled_model
    return compiled(config, model)


def ragged_labels(config):
    """A ragged batch with absent labels, unknown attributes and a row of padding."""
    batch = tiny.ragged(config)
    batch["present"]["label"][[0, 4]] = False
    batch["label"][5, 0] = 0
    batch["mask"][7:] = False
    return batch


def test_each_of_three_modalities_is_measured_given_each_other(three, labelled_model):
    config, _, params = labelled_model
    batch = ragged_labels(config)
    counts = {name: count for name, (_, count) in three(params, batch).items()}
    label = {"loss_label", "label_accuracy"}
    names = {f"{name}_from_{source}" for name in label for source in ("image", "caption")}
    names |= label | {"label_z_gap", "loss_image_from_label", "caption_accuracy_from_label"}
    assert names <= set(counts)
    rows = lambda *names: [i for i in range(7) if all(batch["present"][name][i] for name in names)]
    known = lambda *names: (batch["label"][rows("label", *names)] > 0).sum()
    assert counts["loss_label"] == counts["label_accuracy"] == known() == 9
    assert counts["loss_label_from_caption"] == known("caption")
    assert counts["loss_image_from_label"] == len(rows("image", "label"))
    pairs = [("caption", "image"), ("caption", "label"), ("image", "label")]
    assert counts["loss_alignment"] == sum(len(rows(*pair)) for pair in pairs)


def test_absent_labels_change_no_metric(three, labelled_model):
    config, _, params = labelled_model
    batch = ragged_labels(config)
    other = batch | {"label": np.where(shown_labels(batch), batch["label"], 2)}
    assert np.any(other["label"] != batch["label"])
    leaves_equal(three(params, batch), three(params, other), rtol=1e-6)


def shown_labels(batch):
    return (batch["present"]["label"] & batch["mask"])[:, None]


def test_three_modalities_measure_the_same_on_four_devices(three, labelled_model):
    config, model, params = labelled_model
    batch = ragged_labels(config)
    one, four = (run(params, batch) for run in (three, compiled(config, model, 4)))
    # Whose latents are swapped depends on the device.
    same = lambda metrics: {n: m for n, m in metrics.items() if not n.endswith("_z_gap")}
    leaves_equal(same(one), same(four), rtol=2e-4, atol=1e-5)
