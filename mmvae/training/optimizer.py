"""Optax: schedules, clipping, and what is decayed, frozen or slower than the rest."""

import jax
import optax
from jaxtyping import PyTree
from ml_collections import ConfigDict

from mmvae.errors import UserError
from mmvae.runs import patterns


def learning_rate(config: ConfigDict, total_steps: int) -> optax.Schedule:
    """Schedule step -> learning rate of `config.optimizer`: linear warm-up, then its shape."""
    warmup = max(1, round(config.warmup_fraction * total_steps))
    return SCHEDULES[config.schedule](config.learning_rate, warmup, total_steps)


def _cosine(peak, warmup, total):
    total = max(total, warmup + 1)
    return optax.warmup_cosine_decay_schedule(0.0, peak, warmup, total, 0.01 * peak)


def _constant(peak, warmup, total):
    return optax.join_schedules(
        [optax.linear_schedule(0.0, peak, warmup), optax.constant_schedule(peak)], [warmup]
    )


SCHEDULES = {"cosine": _cosine, "constant": _constant}


def build(config: ConfigDict, total_steps: int) -> optax.GradientTransformation:
    """AdamW with clipping by global norm; biases, norms and embeddings are not decayed."""
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(
            learning_rate(config, total_steps),
            b1=config.beta1,
            b2=config.beta2,
            weight_decay=config.weight_decay,
            mask=lambda params: jax.tree.map_with_path(_decayed, params),
        ),
    )


def of_run(config: ConfigDict, total_steps: int) -> optax.GradientTransformation:
    """The optimizer of a run: `build`, with its multipliers, for what is not frozen.

    Frozen parameters have no optimizer state. Patterns: see `patterns.chosen`.
    """
    update = build(config.optimizer, total_steps)
    if config.train.freeze:
        kinds = {True: optax.set_to_zero(), False: update}
        update = optax.partition(kinds, lambda params: frozen(config, params))
    return optax.chain(update, _multiplied(config.optimizer.multipliers))


def frozen(config: ConfigDict, params: PyTree) -> PyTree:
    """`params` with a bool each: whether `config.train.freeze` names it.

    Raises:
        UserError: a pattern fits nothing, or nothing is left to train.
    """
    held = patterns.chosen(config.train.freeze, params, "train.freeze")
    if all(jax.tree.leaves(held)):
        raise UserError("config.train.freeze names every parameter; nothing is left to train.")
    return held


def _multiplied(rules):
    """Updates times the factors of their parameters; after AdamW, which undoes a scale before."""
    factors = lambda params: patterns.multipliers(rules, params, "optimizer.multipliers")

    def init(params):
        factors(params)  # a wrong rule is told before anything is computed
        return optax.EmptyState()

    def update(updates, state, params):
        return jax.tree.map(lambda u, factor: u * factor, updates, factors(params)), state

    return optax.GradientTransformation(init, update)


def _decayed(path, parameter):
    return path[-1].key == "kernel"
