"""Devices and processes: the one place that calls `jax.pmap`."""

import jax

AXIS = "devices"


def parallel(step, donate=False):
    """`step(state, batch)` on every device: the state whole, the batch [devices, rows, ...].

    The state has no device axis; with `donate` its buffers are reused for the answer's. What
    the step returns must agree on all devices (reduce it over `AXIS`).
    """
    return jax.pmap(
        step, axis_name=AXIS, in_axes=(None, 0), out_axes=None, donate_argnums=(0,) if donate else ()
    )
