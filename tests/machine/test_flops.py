"""Operations counted by hand, and by XLA."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from mmvae.machine.flops import flops
from mmvae.machine.parallel import parallel
from mmvae.training.program import Program
from support import tiny


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def by_xla(function, *arguments):
    return jax.jit(function).lower(*arguments).cost_analysis()["flops"]


def test_a_product():
    assert flops(jnp.matmul, shape(3, 5), shape(5, 7)) == 2 * 3 * 5 * 7
    batched = lambda a, b: jnp.einsum("bij,bkj->bik", a, b)
    assert flops(batched, shape(4, 3, 5), shape(4, 7, 5)) == 4 * 2 * 3 * 5 * 7


@pytest.mark.parametrize("groups", [1, 3])
def test_a_convolution(groups):
    def convolved(x, kernel):
        layout = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, kernel, (2, 2), "VALID", dimension_numbers=layout, feature_group_count=groups
        )

    x, kernel = shape(2, 9, 9, 6), shape(3, 3, 6 // groups, 12)
    counted = flops(convolved, x, kernel)
    assert counted == 2 * (2 * 4 * 4 * 12) * 9 * 6 // groups
    assert counted == by_xla(convolved, x, kernel)


def test_attention():
    query, key = shape(2, 6, 4, 8), shape(2, 10, 4, 8)
    assert flops(jax.nn.dot_product_attention, query, key, key) == 2 * 2 * (2 * 4 * 6 * 10 * 8)


def test_a_gradient_costs_two_more_products():
    loss = lambda w, x: jnp.sum(jnp.tanh(x @ w))
    arguments = shape(5, 7), shape(3, 5)
    once = flops(loss, *arguments)
    assert flops(jax.grad(loss, argnums=(0, 1)), *arguments) == 3 * once
    # What is computed again for the gradient is done, and so it counts.
    again = jax.grad(lambda w, x: jnp.sum(jax.checkpoint(loss)(w, x) ** 2))
    assert flops(again, *arguments) == 3 * once


def test_loops_branches_and_calls():
    w, x = shape(4, 4), shape(4)
    product = 2 * 4 * 4
    turns = lambda w, x: lax.scan(lambda c, _: (w @ c, None), x, None, length=5)[0]
    assert flops(turns, w, x) == 5 * product
    nested = lambda w, x: lax.scan(lambda c, _: (turns(w, c), None), x, None, length=3)[0]
    assert flops(jax.jit(nested), w, x) == 15 * product
    branches = lambda w, x: lax.cond(x[0] > 0, lambda: w @ (w @ x), lambda: w @ x)
    assert flops(branches, w, x) == 2 * product
    endless = lambda w, x: lax.while_loop(lambda c: c[0] < 1, lambda c: w @ c, x)
    assert flops(endless, w, x) == product
    assert flops(lambda w, x: jnp.sin(x) * 2 + 1, w, x) == 0


def test_mapped_over_devices_all_of_them_count():
    step = parallel(lambda w, x: lax.psum(x @ w, "devices"))
    count = jax.device_count()
    assert flops(step, shape(3, 5), shape(count, 2, 3)) == count * 2 * 2 * 3 * 5


def test_the_products_of_a_step_are_most_of_what_xla_counts():
    config = tiny.config()
    program = Program(config, tiny.modalities(config), 100)
    lowered = program.train_step().lower(program.state_shapes(), program.example_batch())
    everything = lowered.cost_analysis()["flops"] * jax.device_count()
    # The rest is elementwise: much of so small a model, little of a large one.
    assert 1 < everything / program.step_flops() < 2
