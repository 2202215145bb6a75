"""The train step: a pure function of (state, batch), for one device of many."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax
from ml_collections import ConfigDict

from mmvae.machine.parallel import AXIS
from mmvae.models.mmvae import MMVAE
from mmvae.objectives.family import OBJECTIVES, nats_of
from mmvae.objectives.terms import Settings, row_keys
from mmvae.training import optimizer
from mmvae.training.state import TrainState


def train_step(
    model: MMVAE, config: ConfigDict, update: optax.GradientTransformation, total_steps: int
) -> Callable[[TrainState, dict], tuple[TrainState, dict]]:
    """step(state, batch) -> (state, metrics), to be given to `parallel`.

    `update` is the Optax transformation. Metrics are {name: (sum, count)} over all devices.
    """
    objective = OBJECTIVES[config.objective.name].train
    learning_rate = optimizer.learning_rate(config.optimizer, total_steps)
    warmup = max(1, round(config.loss.kl_warmup_fraction * total_steps))

    def step(state, batch):
        key = jax.random.fold_in(jax.random.key(config.seed), state.step)
        kl_weight = config.loss.weights.kl * jnp.minimum(1.0, (state.step + 1) / warmup)
        frozen = optimizer.frozen(config, state.params)
        settings = Settings(
            config.loss, kl_weight, config.data.shares.pair > 0, config.objective, nats_of(config)
        )

        def loss(params, part, part_key):
            bound = model.bind({"params": _held(params, frozen)})
            return objective(bound, part, row_keys(part_key, len(part["mask"])), settings)

        gradients, metrics = _accumulated(loss, state.params, batch, key, config.train)
        gradients = lax.pmean(gradients, AXIS)
        with jax.named_scope("optimizer"):  # names of parts, for the profiler
            updates, opt_state = update.update(gradients, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        with jax.named_scope("metrics"):
            measured = _gradient_metrics(
                *(_trained(tree, frozen) for tree in (gradients, updates, params)),
                config.optimizer.clip_norm,
            ) | {"learning_rate": learning_rate(state.step), "kl_weight": kl_weight}
            metrics = lax.psum(metrics, AXIS) | _per_step(measured)
        with jax.named_scope("average"):
            decay = config.train.ema_decay
            ema_params = _moving_average(state.ema_params, params, state.step, decay)
        return state.replace(
            step=state.step + 1, params=params, ema_params=ema_params, opt_state=opt_state
        ), metrics

    return step


def _accumulated(loss, params, batch, key, train):
    """Mean gradients and summed metrics over `accumulate_steps` parts of the batch."""
    parts = train.accumulate_steps
    split = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)

    def one(part, index):
        return jax.grad(lambda p: loss(p, part, jax.random.fold_in(key, index)), has_aux=True)(
            params
        )

    if parts == 1:
        return one(batch, 0)

    def add(total, part):
        gradients, metrics = one(*part)
        return jax.tree.map(jnp.add, total, gradients), metrics

    nothing = jax.tree.map(jnp.zeros_like, params)
    total, metrics = lax.scan(add, nothing, (split, jnp.arange(parts)))
    return jax.tree.map(lambda g: g / parts, total), jax.tree.map(
        lambda m: jnp.sum(m, axis=0), metrics
    )


def _held(params, frozen):
    """No gradient is computed for what is frozen: its share of the backward pass falls away."""
    return jax.tree.map(lambda p, held: lax.stop_gradient(p) if held else p, params, frozen)


def _trained(tree, frozen):
    """The leaves of a tree like the parameters that are not frozen: a list."""
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(frozen), strict=True)
    return [leaf for leaf, held in pairs if not held]


def _gradient_metrics(gradients, updates, params, clip_norm):
    """Of the trained parameters, in lists."""
    size = sum(g.size for g in gradients)
    norm = optax.tree.norm(gradients)
    absolute = [jnp.abs(g) for g in gradients]
    return {
        "grad_norm": norm,
        "grad_clipped": (norm > clip_norm).astype(jnp.float32),  # as a mean: share of steps
        "grad_mean": sum(jnp.sum(a) for a in absolute) / size,
        "grad_max": jnp.max(jnp.stack([jnp.max(a) for a in absolute])),
        "update_ratio": optax.tree.norm(updates) / jnp.maximum(optax.tree.norm(params), 1e-12),
        # A vector for the histogram: which parameters get small or large gradients.
        "_gradient_norms": jnp.stack([jnp.linalg.norm(g) for g in gradients]),
    }


def _per_step(values):
    return {name: (value, jnp.float32(1.0)) for name, value in values.items()}


def _moving_average(average, params, step, decay):
    """The decay grows towards its value, so that early averages forget the initialisation."""
    decay = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda a, p: decay * a + (1.0 - decay) * p, average, params)
