"""The training state: everything that one step reads and writes."""

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Int, PyTree


@struct.dataclass
class TrainState:
    """A pytree of arrays, equal on all devices.

    Attributes:
        step: updates done.
        params: float32 parameters.
        ema_params: their exponential moving average; what is evaluated and sampled.
        opt_state: of the Optax optimizer.
    """

    step: Int[Array, ""]
    params: PyTree
    ema_params: PyTree
    opt_state: optax.OptState


def create(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """TrainState before the first step."""
    return TrainState(
        step=jnp.int32(0),
        params=params,
        ema_params=jax.tree.map(jnp.array, params),
        opt_state=optimizer.init(params),
    )
