"""Devices and processes: the one place that calls `jax.pmap`."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

AXIS = "devices"


def parallel(
    step: Callable[[PyTree, PyTree], Any], donate: bool = False
) -> Callable[[PyTree, PyTree], Any]:
    """`step(state, batch)` on every device: the state whole, the batch [devices, rows, ...].

    The state has no device axis; with `donate` its buffers are reused for the answer's. What
    the step returns must agree on all devices (reduce it over `AXIS`).
    """
    return jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0),
        out_axes=None,
        donate_argnums=(0,) if donate else (),
    )


def compiled(step: Callable, state: PyTree, batch: PyTree) -> Callable:
    """`step` of `parallel`, compiled for a state and a batch like these; shapes are enough.

    Among several processes it is `step` itself, which compiles when it is called: their
    arguments are joined there.
    """
    if jax.process_count() > 1:
        return step
    return step.lower(state, batch).compile()


def place(tree: PyTree) -> PyTree:
    """A tree of arrays, copied whole to every device of every process.

    Done once before the first step: a state that starts elsewhere would compile the step
    twice, and cannot be donated by several processes.
    """
    mesh = Mesh(np.array(jax.devices()), (AXIS,))
    return jax.device_put(jax.device_get(tree), NamedSharding(mesh, PartitionSpec()))


def split(batch: PyTree) -> PyTree:
    """A batch of this process [rows, ...] as [local devices, rows / devices, ...]."""
    return jax.tree.map(lambda x: x.reshape(jax.local_device_count(), -1, *x.shape[1:]), batch)


def agree(flag: bool) -> bool:
    """The first process's bool, in every process."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.broadcast_one_to_all(np.array(flag)))
