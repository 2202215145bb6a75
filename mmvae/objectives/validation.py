"""What evaluation counts: the eval step, pure, for one device of many."""

import jax
from jax import lax

from mmvae.machine.parallel import AXIS
from mmvae.objectives import elbo


def eval_step(model, config):
    """step(params, batch) -> metrics {name: (sum, count)} over all devices."""

    def step(params, batch):
        key = jax.random.key(config.seed)
        return lax.psum(elbo.eval_metrics(model, params, batch, key, config), AXIS)

    return step
