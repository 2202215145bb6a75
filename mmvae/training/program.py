"""What a run computes, whatever its data: model, optimizer, steps. No TensorFlow."""

import jax
import numpy as np
from flax import jax_utils

from mmvae.machine import parallel
from mmvae.models import mmvae
from mmvae.objectives import validation
from mmvae.training import optimizer, steps
from mmvae.training.state import create

_PREFETCHED = 2  # batches on the devices: one in use, one on its way


class Work:
    """Model, optimizer and steps of a checked configuration.

    Args:
        config: the whole configuration, after `checks.validate`.
        shapes: of the modalities: image (H, W, C), caption (length, vocabulary).
        total_steps: updates of the whole run, over which schedules stretch.
    """

    def __init__(self, config, shapes, total_steps):
        self.config, self.shapes, self.total_steps = config, shapes, total_steps
        self.model = mmvae.build(config.model, shapes)
        self.optimizer = optimizer.of_run(config, total_steps)

    def initial_state(self):
        """TrainState before the first step, on the default device."""
        example = {
            "image": np.zeros((1, *self.shapes["image"]), np.int32),
            "caption": np.zeros((1, self.shapes["caption"][0]), np.int32),
        }
        key = jax.random.key(self.config.seed)
        params = mmvae.initialise(self.model, self.config.model, key, example)
        return create(params, self.optimizer)

    def train_step(self):
        """The parallel train step (state, batch) -> (state, metrics); the state is donated."""
        step = steps.train_step(self.model, self.config, self.optimizer, self.total_steps)
        return parallel.parallel(step, donate=True)

    def eval_step(self):
        """The parallel eval step (params, batch) -> metrics."""
        return parallel.parallel(validation.eval_step(self.model, self.config))

    def example_batch(self):
        """A batch of zeros with a leading device axis, for shapes and costs."""
        rows = self.config.train.batch_size // jax.process_count()
        ones = np.ones(rows, bool)
        batch = {
            "image": np.zeros((rows, *self.shapes["image"]), np.uint8),
            "caption": np.zeros((rows, self.shapes["caption"][0]), np.int32),
            "present": {"image": ones, "caption": ones},
            "mask": ones,
        }
        return parallel.split(batch)

    def step_flops(self, train_step, state):
        """Floating-point operations of one `train_step` over all devices, as XLA counts them.

        Counted in the lowered step, before XLA optimises it; NaN where XLA does not tell.
        """
        if self.config.train.accumulate_steps > 1:
            # XLA counts the body of a loop once, whatever the number of parts it runs over.
            config = self.config.copy_and_resolve_references()
            config.train.accumulate_steps = 1
            train_step = Work(config, self.shapes, self.total_steps).train_step()
        costs = train_step.lower(state, self.example_batch()).cost_analysis()
        return (costs or {}).get("flops", float("nan")) * jax.device_count()


def on_devices(batches):
    """Batches [rows, ...] of this process, split over its devices and copied there ahead."""
    return jax_utils.prefetch_to_device(map(parallel.split, batches), _PREFETCHED)
