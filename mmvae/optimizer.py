"""Optax: schedules, weight-decay mask, clipping."""

import jax
import optax


def learning_rate(config, total_steps):
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


def build(config, total_steps):
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


def _decayed(path, parameter):
    return path[-1].key == "kernel"
