"""What a run computes, whatever its data: model, optimizer, steps. No TensorFlow."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
from flax import jax_utils
from ml_collections import ConfigDict

from mmvae.data.modalities import Modality, blank_batch
from mmvae.machine import parallel
from mmvae.models import mmvae
from mmvae.objectives import family, validation
from mmvae.training import optimizer, steps
from mmvae.training.state import TrainState, create

_PREFETCHED = 2  # batches on the devices: one in use, one on its way


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
        """State before the first step, on the default device."""
        key = jax.random.key(self.config.seed)
        return create(mmvae.initialise(self.model, self.modalities, key), self.optimizer)

    def train_step(self) -> Callable:
        """The parallel train step (state, batch) -> (state, metrics); the state is donated."""
        step = steps.train_step(self.model, self.config, self.optimizer, self.total_steps)
        return parallel.parallel(step, donate=True)

    def eval_step(self) -> Callable:
        """The parallel eval step (params, batch) -> metrics."""
        return parallel.parallel(validation.eval_step(self.model, self.config))

    def example_batch(self) -> dict[str, Any]:
        """A blank batch with a leading device axis, for shapes and costs."""
        rows = self.config.train.batch_size // jax.process_count()
        return parallel.split(blank_batch(self.modalities, rows))

    def step_flops(self, train_step: Callable, state: TrainState) -> float:
        """Floating-point operations of one `train_step` over all devices, as XLA counts them.

        Counted in the lowered step, before XLA optimises it; NaN where XLA does not tell.
        """
        if self.config.train.accumulate_steps > 1:
            # XLA counts the body of a loop once, whatever the number of parts it runs over.
            config = self.config.copy_and_resolve_references()
            config.train.accumulate_steps = 1
            train_step = Program(config, self.modalities, self.total_steps).train_step()
        costs = train_step.lower(state, self.example_batch()).cost_analysis()
        return (costs or {}).get("flops", float("nan")) * jax.device_count()


def on_devices(batches: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Batches [rows, ...] of this process, split over its devices and copied there ahead."""
    return jax_utils.prefetch_to_device(map(parallel.split, batches), _PREFETCHED)
