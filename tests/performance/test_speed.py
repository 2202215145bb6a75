"""What is counted, and how time is taken. Nothing here asserts a time."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.data import text
from mmvae.machine import devices
from mmvae.performance import speed
from mmvae.training.program import Program
from support import tiny


def tiny_program(**changes):
    config = tiny.config(**changes)
    return Program(config, tiny.modalities(config), 100)


class Counting:
    """Stands for a Program: its state is the number of steps done, its metrics the batch's sum."""

    def initial_state(self):
        return jnp.int32(0)

    def train_step(self):
        return jax.jit(lambda state, batch: (state + 1, {"sum": jnp.sum(batch)}))


def arrays():
    while True:
        yield jnp.ones(3)


# Operations


def test_the_flops_of_a_step_are_at_least_those_of_its_matrices():
    program = tiny_program()
    state = program.state_shapes()
    moments = state.params["encoders_image"]["PosteriorHead_0"]["moments"]["kernel"]
    # Forwards, and twice in the backward pass.
    assert program.step_flops() > 3 * 2 * 8 * np.prod(moments.shape)


def test_dividing_a_batch_does_not_hide_flops():
    whole, divided = tiny_program(), tiny_program(train__accumulate_steps=2)
    # Contrastive alignment compares pairs within a part only.
    assert divided.step_flops() == pytest.approx(whole.step_flops(), rel=0.01)


def test_the_peak_is_of_the_fastest_size(monkeypatch):
    taken = {512: 1.0, 1024: 2.0, 2048: 64.0}
    monkeypatch.setattr(devices, "_LONG", 3.0)
    monkeypatch.setattr(devices, "_product_seconds", lambda size, *_: taken[size])
    rate, size = devices.matmul_peak("float32", 1.0)
    assert size == 1024  # and nothing larger than 2048 was tried
    assert rate == pytest.approx(2 * 1024**3 / 2.0 * jax.device_count())


# Time


def test_spread_is_the_median_and_the_quartiles():
    assert speed.spread([5.0, 1.0, 2.0, 4.0, 3.0]) == (3.0, 2.0, 4.0, 5)


def test_a_stepper_takes_every_step_once_and_times_all_but_the_warm_up():
    stepper = speed.Stepper(Counting())
    times = speed.step_times(stepper, arrays(), 0.0)
    assert len(times) == 3
    assert int(stepper.state) == speed.WARM_UP + len(times)


def test_the_share_of_waiting_lies_between_none_and_all():
    rates = speed.together(speed.Stepper(Counting()), arrays(), 8, 0.0)
    assert 0 <= rates["data_wait_percent"] <= 100
    assert rates["images_per_second"] == pytest.approx(8 / rates["step_seconds"])


def test_a_pipeline_is_read_until_its_time_is_over():
    read = iter(range(speed.WARM_UP + 3))
    assert speed.pipeline_rate(read, 8, 0.0) > 0
    assert next(read, None) is None  # the warm-up and 3 batches


def test_compilations_are_noticed():
    square = jax.jit(lambda x: x * x)
    square(jnp.ones(2))
    with speed.compilations() as again:
        square(jnp.zeros(2))
    assert again == []
    with speed.compilations() as other_shape:
        jax.block_until_ready(square(np.ones(3, np.float32)))
    assert len(other_shape) == 1


def test_the_cache_of_the_user_is_left_alone():
    before = jax.config.jax_compilation_cache_dir
    with speed.empty_cache():
        assert jax.config.jax_compilation_cache_dir not in (None, before)
        assert os.listdir(jax.config.jax_compilation_cache_dir) == []
    assert jax.config.jax_compilation_cache_dir == before


# Random batches


def test_random_batches_look_like_training_batches():
    config = tiny.config()
    batch, like = next(speed.random_batches(tiny.modalities(config), 8)), tiny.batch(config)
    kinds = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
    assert kinds(batch) == kinds(like)
    assert batch["mask"].all() and all(shown.all() for shown in batch["present"].values())
    for row in batch["caption"]:
        end = list(row).index(text.EOS)
        assert end > 0 and (row[:end] >= text.NUM_SPECIAL).all()
        assert (row[:end] < tiny.VOCABULARY).all() and (row[end + 1 :] == text.PAD).all()
