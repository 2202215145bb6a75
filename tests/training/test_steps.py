"""Training and evaluation steps: any number of devices, no retracing, and learning."""

import functools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mmvae.machine import parallel
from mmvae.objectives import validation
from mmvae.objectives.alignment import ALIGNMENTS
from mmvae.training import optimizer, state, steps
from support import tiny

RATE = 0.1
TOTAL = 60


def host(tree):
    return jax.tree.map(np.array, jax.device_get(tree))


def spread(batch, devices):
    return jax.tree.map(lambda x: x.reshape(devices, -1, *x.shape[1:]), batch)


def started(params, devices, step=0):
    """State before a step of plain gradient descent, where the step will leave it."""
    mesh = Mesh(np.array(jax.devices()[:devices]), (parallel.AXIS,))
    start = state.create(params, optax.sgd(RATE)).replace(step=jnp.int32(step))
    return jax.device_put(start, NamedSharding(mesh, PartitionSpec()))


def differing(left, right, **tolerance):
    """Paths of leaves that are not close."""
    pairs = zip(jax.tree.leaves_with_path(left), jax.tree.leaves(right), strict=True)
    return [
        jax.tree_util.keystr(path)
        for (path, a), b in pairs
        if not np.allclose(a, b, equal_nan=True, **tolerance)
    ]


@functools.cache
def plain_step(alignment):
    """Train step with plain gradient descent: a change of parameters is -RATE gradient."""
    config = tiny.config(loss__alignment=alignment)
    step = steps.train_step(tiny.model(config), config, optax.sgd(RATE), TOTAL)
    return parallel.parallel(step)


@pytest.fixture(scope="module")
def descend(tiny_model):
    """descend(alignment, devices) -> (state, metrics of each step) after 2 ragged batches."""
    config, _, params = tiny_model

    @functools.cache
    def run(alignment, devices):
        now, metrics = started(params, devices), []
        for seed in range(2):
            batch = tiny.ragged(config) | {"image": tiny.batch(config, seed=seed)["image"]}
            now, measured = plain_step(alignment)(now, spread(batch, devices))
            metrics.append(host(measured))
        return now, metrics

    return run


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_four_devices_equal_one(descend, alignment, tiny_model):
    (one, losses), (four, other) = descend(alignment, 1), descend(alignment, 4)
    moved = differing(one.params, tiny_model[2], rtol=0, atol=1e-6)
    assert len(moved) > 50
    assert differing(host(one.params), host(four.params), rtol=1e-5, atol=2e-6) == []
    mean = lambda metrics: [{n: t / max(c, 1) for n, (t, c) in m.items()} for m in metrics]
    assert differing(mean(losses), mean(other), rtol=2e-4, atol=1e-5) == []


def test_replicas_agree_bit_for_bit(descend):
    now, _ = descend("siglip", 4)
    for leaf in jax.tree.leaves(now):
        copies = [np.asarray(shard.data) for shard in leaf.addressable_shards]
        assert len(copies) == 4
        for copy in copies[1:]:
            np.testing.assert_array_equal(copies[0], copy)


def test_gradient_metrics_are_of_the_reduced_gradients(descend, tiny_model):
    config, _, before = tiny_model
    batch = spread(tiny.ragged(config), 4)
    after, metrics = plain_step("siglip")(started(before, 4), batch)
    change = jax.tree.map(lambda a, b: np.ravel(a - b) / RATE, before, after.params)
    gradient = np.concatenate(jax.tree.leaves(change))
    size = lambda tree: np.sqrt(sum(np.sum(np.square(x)) for x in jax.tree.leaves(tree)))
    expected = {
        "grad_norm": np.linalg.norm(gradient),
        "grad_mean": np.abs(gradient).mean(),
        "grad_max": np.abs(gradient).max(),
        "update_ratio": RATE * np.linalg.norm(gradient) / size(host(after.params)),
    }
    for name, value in expected.items():
        assert metrics[name][0] == pytest.approx(value, rel=1e-3), name
        assert metrics[name][1] == 1.0


def test_a_step_is_a_function_of_state_and_batch(tiny_model):
    config, _, params = tiny_model
    batch = spread(tiny.ragged(config), 4)
    run = lambda step: host(plain_step("siglip")(started(params, 4, step), batch))
    first, again, later = run(3), run(3), run(4)
    assert differing(first, again, rtol=0, atol=0) == []
    assert first[1]["latent_norm"][0] != later[1]["latent_norm"][0], "other noise at other steps"


def test_nan_is_seen_in_the_metrics(tiny_model):
    config, _, params = tiny_model
    broken = params | {"heads_image": jax.tree.map(lambda x: x * jnp.nan, params["heads_image"])}
    batch = spread(tiny.ragged(config), 4)
    _, metrics = plain_step("siglip")(started(broken, 4), batch)
    unfinished = {name for name, (total, _) in metrics.items() if not np.all(np.isfinite(total))}
    assert {"loss_total", "loss_alignment", "grad_norm", "grad_mean", "grad_max"} <= unfinished
    assert "loss_image" not in unfinished, "the term that broke is known"


def test_a_mixture_of_experts_trains_and_absent_modalities_change_nothing(tiny_model):
    config, params = tiny.config(model__fusion="mixture"), tiny_model[2]
    model = tiny.model(config)
    batch, other = tiny.ragged(config), tiny.batch(config, seed=1)
    batch["present"]["caption"][0] = False  # nothing is left of this row
    shown = batch["present"]
    changed = batch | {
        "image": np.where(shown["image"][:, None, None, None], batch["image"], other["image"]),
        "caption": np.where(shown["caption"][:, None], batch["caption"], other["caption"]),
    }
    step = parallel.parallel(steps.train_step(model, config, optax.sgd(RATE), TOTAL))
    after, same = (host(step(started(params, 4), spread(b, 4))) for b in (batch, changed))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(after))
    assert len(differing(after[0].params, params, rtol=0, atol=1e-6)) > 40
    assert differing(after, same, rtol=1e-5, atol=1e-6) == []
    # Evaluation takes it too.
    jax.eval_shape(parallel.parallel(validation.eval_step(model, config)), params, spread(batch, 4))


# Training as a run does it: Adam, donated state, several devices


@pytest.fixture(scope="module")
def run(tiny_model):
    """A short run on one batch: (config, states of the first steps, metrics, compilations)."""
    _, model, params = tiny_model
    config = tiny.config(
        optimizer__learning_rate=1e-2, optimizer__schedule="constant", train__ema_decay=0.5
    )
    update = optimizer.build(config.optimizer, TOTAL)
    step = parallel.parallel(steps.train_step(model, config, update, TOTAL), donate=True)
    now = parallel.place(state.create(params, update))
    states, metrics, compiled = [host(now)], [], []
    batch = parallel.split(tiny.batch(config))
    for index in range(TOTAL):
        with Compilations() as compilations:
            now, measured = step(now, batch)
        metrics.append(host(measured))
        compiled.append(compilations.count)
        if index < 12:
            states.append(host(now))
    return config, states, metrics, compiled


class Compilations(logging.Handler):
    """Counts programs compiled inside the `with` block."""

    def __enter__(self):
        self.count = 0
        self.logging = jax.log_compiles()
        self.logging.__enter__()
        logging.getLogger("jax").addHandler(self)
        return self

    def __exit__(self, *error):
        logging.getLogger("jax").removeHandler(self)
        self.logging.__exit__(*error)

    def emit(self, record):
        self.count += record.getMessage().startswith("Compiling")


def test_nothing_is_compiled_after_the_first_step(run):
    *_, compiled = run
    assert compiled[0] >= 1
    assert sum(compiled[1:]) == 0


def test_training_learns_one_batch(run):
    _, _, metrics, _ = run
    losses = [m["loss_total"][0] / m["loss_total"][1] for m in metrics]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert np.all(np.isfinite(losses))


def test_steps_are_counted(run):
    _, states, _, _ = run
    assert [int(s.step) for s in states] == list(range(13))


def test_the_moving_average_follows_its_formula(run):
    _, states, _, _ = run
    for index, (before, after) in enumerate(zip(states, states[1:], strict=False)):
        decay = min(0.5, (1 + index) / (10 + index))
        expected = jax.tree.map(
            lambda a, p, d=decay: d * a + (1 - d) * p, before.ema_params, after.params
        )
        assert differing(after.ema_params, expected, rtol=1e-5, atol=1e-6) == []
    assert (1 + 11) / (10 + 11) > 0.5, "the last ones use the full decay"


def test_metrics_tell_the_learning_rate_and_the_weight_of_the_kl(run):
    config, _, metrics, _ = run
    rate = optimizer.learning_rate(config.optimizer, TOTAL)
    found = [m["learning_rate"][0] for m in metrics]
    np.testing.assert_allclose(found, [rate(i) for i in range(TOTAL)], rtol=1e-6)
    warmed = [min(1.0, (i + 1) / 6) for i in range(TOTAL)]
    np.testing.assert_allclose(
        [m["kl_weight"][0] for m in metrics], config.loss.weights.kl * np.array(warmed), rtol=1e-6
    )


# Accumulation


def test_gradients_of_two_parts_equal_those_of_one():
    batch = {"x": jax.random.normal(jax.random.key(0), (8, 3)), "mask": jnp.ones(8, bool)}

    def loss(params, part, key):
        errors = jnp.square(part["x"] @ params["w"])
        return jnp.mean(errors), {"loss": (jnp.sum(errors), jnp.sum(part["mask"]))}

    def gradients(parts):
        train = tiny.config(train__accumulate_steps=parts).train
        params = {"w": jnp.arange(1.0, 4.0)}
        return steps._accumulated(loss, params, batch, jax.random.key(0), train)

    assert differing(gradients(1), gradients(2), rtol=1e-6) == []
    assert differing(gradients(1), gradients(4), rtol=1e-6) == []


def test_parts_keep_the_gradient_of_one_part_in_memory():
    batch = {"x": jnp.ones((64, 2))}
    loss = lambda params, part, key: (jnp.sum(params) * jnp.sum(part["x"]), {})

    def memory(parts):
        train = tiny.config(train__accumulate_steps=parts).train
        step = lambda params: steps._accumulated(loss, params, batch, jax.random.key(0), train)
        compiled = jax.jit(step).lower(jnp.zeros(1 << 20)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(32) < 2 * memory(2) + (1 << 20)


def test_parts_of_a_batch_have_their_own_noise():
    batch = {"x": jnp.zeros((8, 1))}
    loss = lambda params, part, key: (params * 0.0, {"noise": jax.random.normal(key)})
    train = tiny.config(train__accumulate_steps=2).train
    run = lambda key: steps._accumulated(loss, jnp.float32(1.0), batch, key, train)[1]["noise"]
    key = jax.random.key(0)
    alone = [jax.random.normal(jax.random.fold_in(key, i)) for i in range(2)]
    np.testing.assert_allclose(run(key), sum(alone), rtol=1e-6)
    assert alone[0] != alone[1]


def test_a_step_in_parts_has_the_shapes_of_a_whole_one(tiny_model):
    _, model, params = tiny_model

    def shapes(parts):
        config = tiny.config(train__accumulate_steps=parts)
        step = parallel.parallel(steps.train_step(model, config, optax.sgd(RATE), TOTAL))
        start = state.create(params, optax.sgd(RATE))
        answer = jax.eval_shape(step, start, spread(tiny.batch(config, 16), 4))
        return jax.tree.map(lambda x: x.shape, answer)

    assert shapes(2) == shapes(1)


# Evaluation


def test_evaluation_on_four_devices_equals_one(tiny_model):
    config, model, params = tiny_model
    step = parallel.parallel(validation.eval_step(model, config))
    batch = tiny.ragged(config)
    batch["mask"][7:] = False
    one, four = (host(step(params, spread(batch, n))) for n in (1, 4))
    mean = lambda metrics: {
        name: total / np.maximum(count, 1)
        for name, (total, count) in metrics.items()
        if not name.endswith("_z_gap")  # whose latents are swapped depends on the device
    }
    assert differing(mean(one), mean(four), rtol=1e-4, atol=1e-5) == []
    assert one["loss_caption"][1] == four["loss_caption"][1] > 0
