"""The training state: everything that one step reads and writes."""

import jax
import jax.numpy as jnp
from flax import struct


@struct.dataclass
class TrainState:
    """A pytree of arrays, equal on all devices.

    Attributes:
        step: updates done, int32 [].
        params: float32 parameters.
        ema_params: their exponential moving average; what is evaluated and sampled.
        opt_state: of the Optax optimizer.
    """

    step: jax.Array
    params: dict
    ema_params: dict
    opt_state: tuple


def create(params, optimizer):
    """TrainState before the first step."""
    return TrainState(
        step=jnp.int32(0),
        params=params,
        ema_params=jax.tree.map(jnp.array, params),
        opt_state=optimizer.init(params),
    )
