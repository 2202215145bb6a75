"""Schedules, what is decayed, and clipping."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mmvae.training import optimizer
from support import tiny

TOTAL, PEAK = 200, 6e-4


def schedule(name, **changes):
    fields = {f"optimizer__{field}": value for field, value in changes.items()}
    config = tiny.config(optimizer__schedule=name, optimizer__learning_rate=PEAK, **fields)
    return optimizer.learning_rate(config.optimizer, TOTAL)


@pytest.mark.parametrize(("name", "end"), [("cosine", 0.01 * PEAK), ("constant", PEAK)])
def test_schedule_at_its_corners(name, end):
    rate = schedule(name, warmup_fraction=0.1)
    found = [float(rate(step)) for step in (0, 10, 20, TOTAL, 10 * TOTAL)]
    assert found == pytest.approx([0.0, PEAK / 2, PEAK, end, end], rel=1e-5)


def test_cosine_is_half_way_down_half_way_through():
    rate = schedule("cosine", warmup_fraction=0.1)
    assert float(rate(20 + 90)) == pytest.approx((PEAK + 0.01 * PEAK) / 2, rel=1e-5)


@pytest.mark.parametrize("name", optimizer.SCHEDULES)
@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_any_warm_up_gives_a_finite_schedule(name, fraction):
    rates = jax.vmap(schedule(name, warmup_fraction=fraction))(jnp.arange(TOTAL + 5))
    assert np.all(np.isfinite(rates))
    assert rates.max() == pytest.approx(PEAK, rel=0.01)


def test_only_kernels_are_decayed(tiny_model):
    *_, params = tiny_model
    config = tiny.config(
        optimizer__learning_rate=0.1,
        optimizer__schedule="constant",
        optimizer__warmup_fraction=0.0,
        optimizer__weight_decay=0.5,
    )
    update = optimizer.build(config.optimizer, TOTAL)

    @jax.jit
    def second(params):  # the first step has a learning rate of 0
        zeros = jax.tree.map(jnp.zeros_like, params)
        _, state = update.update(zeros, update.init(params), params)
        return update.update(zeros, state, params)[0]

    for path, change in jax.tree.leaves_with_path(second(params)):
        parameter = params
        for part in path:
            parameter = parameter[part.key]
        decay = 0.5 if path[-1].key == "kernel" else 0.0
        np.testing.assert_allclose(change, -0.1 * decay * parameter, rtol=1e-5)


@pytest.mark.parametrize(("size", "expected"), [(100.0, 2.0), (0.1, 0.1)])
def test_large_gradients_are_clipped_together(size, expected):
    config = tiny.config(optimizer__clip_norm=2.0, optimizer__beta1=0.5)
    params = {"a": {"kernel": jnp.zeros(3)}, "b": {"bias": jnp.zeros(1)}}
    gradient = {"a": {"kernel": jnp.full(3, size / 2)}, "b": {"bias": jnp.full(1, size / 2)}}
    update = optimizer.build(config.optimizer, TOTAL)
    _, state = update.update(gradient, update.init(params), params)
    first_moment = optax.tree.get(state, "mu")
    assert float(optax.tree.norm(first_moment)) == pytest.approx(0.5 * expected, rel=1e-5)


def test_frozen_parameters_get_no_update_and_no_state_and_multipliers_scale_the_rest():
    params = {"a": {"kernel": jnp.ones(3)}, "b": {"kernel": jnp.ones(3)}, "c": jnp.ones(3)}
    gradients = jax.tree.map(jnp.ones_like, params)
    settings = {"optimizer__schedule": "constant", "optimizer__warmup_fraction": 0.0}
    changes = {"train__freeze": ("c",), "optimizer__multipliers": ("a/*=0.1",)}

    def updates(**changes):
        update = optimizer.of_run(tiny.config(**settings, **changes), TOTAL)
        state = update.init(params)
        for _ in range(3):  # the first rate of a warm-up of one step is zero
            found, state = update.update(gradients, state, params)
        return found, tiny.size(state)

    (found, held), (plain, all_held) = updates(**changes), updates()
    assert all_held - held == 2 * 3
    assert np.all(found["c"] == 0)
    np.testing.assert_allclose(found["a"]["kernel"], 0.1 * plain["a"]["kernel"], rtol=1e-5)
    assert np.abs(found["b"]["kernel"]).min() > 0
