"""The learned prior's loss, which no gradient leaves."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from mmvae.models.flow import flow_path
from mmvae.models.fusion import Posterior
from mmvae.models.gaussian import normal
from mmvae.models.mmvae import MMVAE, Experts, Present
from mmvae.objectives.subsets import choose_conditions


def flow_matching(
    model: MMVAE, experts: Experts, full: Posterior, present: Present, keys: Key[Array, " B"]
) -> Float[Array, " B"]:
    """Squared velocity error, mean over D.

    Targets are samples of the full posterior; the condition is one modality's mean, or nothing.
    No gradient reaches the encoders. Source: Lipman et al. 2023, equation 23.
    """
    experts, full, present = lax.stop_gradient((experts, full, present))
    z_keys, noise_keys, t_keys, known_keys = jax.vmap(lambda k: jax.random.split(k, 4))(keys).T
    z = full.sample(z_keys)
    noise = normal(noise_keys, z.shape[1:])
    t = jax.nn.sigmoid(jax.vmap(jax.random.normal)(t_keys))
    known = choose_conditions(known_keys, present)
    at, velocity = flow_path(z, noise, t)
    error = model.velocity(at, t, experts, known) - velocity
    return jnp.mean(jnp.square(error), axis=-1)
