"""Every objective of the family trains every part of its model, on rows that lack modalities."""

import functools

import jax
import numpy as np
import pytest

from mmvae.objectives import terms, validation
from mmvae.objectives.family import OBJECTIVES, nats_of
from support import tiny, vectors

PAPERS = [name for name in OBJECTIVES if name != "elbo"]
JOINT = [name for name in PAPERS if OBJECTIVES[name].fusion == "joint_encoder"]


def ragged(config):
    """A batch of which rows lack modalities, where the objective takes such rows."""
    batch = vectors.batch(config)
    if config.objective.name not in JOINT:
        batch["present"]["a"][1] = batch["present"]["b"][2] = batch["present"]["a"][2] = False
    batch["mask"][5] = False
    return batch


def objective(config):
    """one(params, batch) -> (total, metrics)."""
    model, train = tiny.model(config), OBJECTIVES[config.objective.name].train

    def one(params, batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        settings = terms.Settings(config.loss, 0.01, False, config.objective, nats_of(config))
        return train(model.bind({"params": params}), batch, keys, settings)

    return one


def with_other_data(batch, shown):
    """The batch with other data in the rows that are not shown."""
    other, changed = np.random.default_rng(1), dict(batch)
    for name, rows in shown.items():
        noise = other.normal(size=batch[name].shape).astype(np.float32)
        changed[name] = np.where(rows[:, None], batch[name], noise)
    return changed


@pytest.fixture(scope="module", params=[*PAPERS, "mmvaeplus laplace"])
def trained(request):
    """(name, (gradients, metrics) of a batch, the same of one with other absent data)."""
    name, *posterior = request.param.split()
    config = vectors.config(objective__name=name)
    config.objective.posterior = (posterior or ["gaussian"])[0]
    config.lock()
    params, batch = tiny.params(config), ragged(config)
    one = jax.grad(objective(config), has_aux=True)
    run = tiny.on_one(functools.partial(one, params))
    shown = {name: here & batch["mask"] for name, here in batch["present"].items()}
    return request.param, run(batch), run(with_other_data(batch, shown))


def is_zero(tree):
    return all(np.all(leaf == 0) for leaf in jax.tree.leaves(tree))


def test_every_part_learns(trained):
    name, (gradient, metrics), _ = trained
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((gradient, metrics)))
    silent = {part for part, tree in gradient.items() if is_zero(tree)}
    # One modality is told by the others: nothing teaches their decoders, nor its own encoder.
    assert silent == ({"decoders_b", "decoders_c", "encoders_a"} if name == "cvae" else set())
    expected = {f"loss_{term}" for term in ("total", "bound", "a", "b", "kl", "prior")}
    assert expected <= set(metrics)


def test_absent_data_and_padding_change_nothing(trained):
    _, first, second = trained
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, first, second)


@pytest.mark.parametrize("name", ["mvae", "mmvaeplus", "mopoe", "jmvae"])
def test_two_devices_lose_what_one_does(name):
    config = vectors.config("ab", objective__name=name).lock()
    params, batch = tiny.params(config), vectors.batch(config)
    one = functools.partial(objective(config), params)
    total, _ = tiny.on_one(one)(batch)
    totals, _ = tiny.on_devices(one, 2)(batch)
    np.testing.assert_allclose(np.mean(totals), total, rtol=1e-4)


@pytest.mark.parametrize("name", ["weighted_product", "mopoe_private", "cmvae", "jmvae"])
def test_every_kind_of_posterior_is_measured(name):
    config = vectors.config(objective__name=name).lock()
    model, params, batch = tiny.model(config), tiny.params(config), vectors.batch(config)

    def one(batch):
        keys = terms.row_keys(jax.random.key(0), len(batch["mask"]))
        return validation.eval_metrics(model.bind({"params": params}), batch, keys, config.loss)

    metrics = tiny.on_one(one)(batch)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(metrics))
    assert {"loss_a", "loss_b_from_a", "c_z_gap", "loss_alignment", "loss_kl"} <= set(metrics)
