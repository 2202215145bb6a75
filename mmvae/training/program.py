"""What a run computes, whatever its data: model, optimizer, steps. No TensorFlow."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
from flax import jax_utils
from ml_collections import ConfigDict

from mmvae.data.modalities import Modality, blank_batch
from mmvae.machine import parallel
from mmvae.machine.flops import flops
from mmvae.models import mmvae
from mmvae.objectives import family, validation
from mmvae.training import optimizer, steps
from mmvae.training.state import TrainState, create

_PREFETCHED = 2  # batches on the devices: one in use, one on its way
# For a program that runs once. The level below would give other last digits.
_QUICKLY = {"xla_backend_optimization_level": 1}


class Program:
    """Model, optimizer and steps of a checked configuration.

    Args:
        config: the whole configuration, after `checks.validate`.
        modalities: {name: Modality}, as data.
        total_steps: updates of the whole run, over which schedules stretch.
    """

    def __init__(
        self, config: ConfigDict, modalities: Mapping[str, Modality], total_steps: int
    ) -> None:
        self.config, self.modalities, self.total_steps = config, modalities, total_steps
        self.model = family.build(config, modalities)
        self.optimizer = optimizer.of_run(config, total_steps)

    def initial_state(self) -> TrainState:
        """State before the first step, on the host where JAX may use it."""
        with jax.default_device(_host()):
            return self._initial.lower().compile(_QUICKLY)(self._key)

    def state_shapes(self) -> TrainState:
        """Shapes and dtypes of a state."""
        return self._initial.out_info

    @functools.cached_property
    def _initial(self):
        """The making of the first state, traced; one program, whatever the number of arrays."""

        def make(key):
            params = mmvae.initialise(self.model, self.modalities, key)
            return create(params, self.optimizer)

        with jax.default_device(_host()):
            return jax.jit(make).trace(self._key)

    @property
    def _key(self):
        return jax.random.key(self.config.seed)

    def train_step(self) -> Callable:
        """The parallel train step (state, batch) -> (state, metrics); the state is donated."""
        return parallel.parallel(self._step(), donate=True)

    def eval_step(self) -> Callable:
        """The parallel eval step (params, batch) -> metrics."""
        return parallel.parallel(validation.eval_step(self.model, self.config))

    def example_batch(self, batch_size: int | None = None) -> dict[str, Any]:
        """A blank batch with a leading device axis, for shapes; by default of training's size."""
        rows = (batch_size or self.config.train.batch_size) // jax.process_count()
        return parallel.split(blank_batch(self.modalities, rows))

    def step_flops(self) -> float:
        """Floating-point operations of the products of one train step, over all devices."""
        one = jax.tree.map(lambda x: x[0], self.example_batch())
        axes = {parallel.AXIS: jax.device_count()}
        return flops(self._step(), self.state_shapes(), one, axes=axes) * jax.device_count()

    def _step(self):
        return steps.train_step(self.model, self.config, self.optimizer, self.total_steps)


def _host():
    """The host's processor as a device, or None where JAX was told to leave it alone.

    Random numbers for a hundred arrays take an accelerator's compiler longer, and made here
    they are the same on every accelerator.
    """
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None


def on_devices(batches: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Batches [rows, ...] of this process, split over its devices and copied there ahead."""
    return jax_utils.prefetch_to_device(map(parallel.split, batches), _PREFETCHED)
