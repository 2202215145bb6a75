"""After training: samplers of the best checkpoint's latents, fitted while its model rests.

In the train step the learned prior runs after latents that still move. Fitted alone to those
that stay, it is better by far (docs/model.md), and a step costs a fraction.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PyTree

from mmvae.data import batches as data
from mmvae.data.records import Records
from mmvae.inference.session import Session
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.objectives.prior import flow_matching
from mmvae.runs.samplers import Samplers
from mmvae.training import optimizer

_BATCH = 64  # pairs encoded at once
_ROWS = 256  # latents of a step of the prior
_MOST = 20_000  # pairs
_MIXED = 5_000  # latents; a mixture gains little from more


def fit_samplers(
    run: Path, train_records: Records, val_records: Records, note: Callable[[str], None]
) -> None:
    """Fit and store the samplers of a run directory's best checkpoint, unless they are there.

    `train_records` and `val_records` are splits of its data set; `note` is told the result.
    Every process fits the same: they read a checkpoint together. The first one stores.
    """
    session = Session.load(run)
    if session.aggregate is not None:
        return
    splits = train_records, val_records
    if session.config.data.shares.pair:  # as training: a caption alone has another latent
        splits = train_records.pairs, val_records.pairs
    train, val = (posteriors(session, records) for records in splits)
    aggregate = AggregatePosterior.fit(_samples(train)[:_MIXED], _samples(val)[:_MIXED])
    note("samplers    fitting the learned prior and a mixture to the best checkpoint's latents ...")
    prior, loss = fit_prior(session, train)
    if jax.process_index() != 0:
        return
    if not np.isfinite(loss):
        note("samplers    the prior's fit diverged: that of training is kept")
        prior = session.params["prior"]
    Samplers(session.step, aggregate, prior).save(run)
    note(
        f"samplers    fitted to checkpoint {session.step}: flow loss {loss:.3f}, mixture of "
        f"{len(aggregate.arrays['weights'])} Gaussians"
    )


def posteriors(session: Session, records: Records) -> tuple[dict, Any, dict]:
    """(experts, joint, present) of the first pairs of a split; Gaussians of [N, D]."""
    parts = []
    batches = data.eval_batches(records, session.modalities, _BATCH)
    for _, batch in zip(range(0, _MOST, _BATCH), batches):
        inputs = {name: batch[name] for name in batch["present"]}
        latents = *session.posteriors(inputs, batch["present"]), batch["present"]
        parts.append(jax.tree.map(lambda x, kept=batch["mask"]: x[kept], latents))
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def fit_prior(session: Session, latents: tuple[dict, Any, dict]) -> tuple[PyTree, float]:
    """(parameters of the learned prior, its last loss), from where training left it."""
    config, steps = session.config, session.config.samplers.prior_steps
    settings = config.optimizer.copy_and_resolve_references()
    settings.learning_rate = config.samplers.prior_learning_rate
    update = optimizer.build(settings, steps)
    step = functools.partial(_step, session.model, update, config.train.ema_decay)
    latents = jax.device_put(latents)

    @jax.jit
    def every(params, latents):
        prior = params["prior"]
        one = lambda carry, key: step(carry, params, latents, key)
        keys = jax.random.split(jax.random.key(config.seed), steps)
        return jax.lax.scan(one, (prior, prior, update.init(prior)), keys)

    (_, average, _), losses = every(session.params, latents)
    return jax.device_get(average), float(np.mean(losses[-100:]))


def _step(model, update, decay, carry, params, latents, key):
    """One step on random rows: ((prior, its moving average, optimizer state), loss)."""
    prior, average, state = carry
    choice, noise = jax.random.split(key)
    count = len(latents[1].mean)
    rows = jax.random.randint(choice, (_ROWS,), 0, count)
    experts, joint, present = jax.tree.map(lambda x: x[rows], latents)

    def loss(prior):
        bound = model.bind({"params": params | {"prior": prior}})
        keys = jax.random.split(noise, _ROWS)
        return jnp.mean(flow_matching(bound, experts, joint, present, keys))

    value, gradient = jax.value_and_grad(loss)(prior)
    change, state = update.update(gradient, state, prior)
    prior = optax.apply_updates(prior, change)
    average = optax.incremental_update(prior, average, 1 - decay)
    return (prior, average, state), value


def _samples(latents):
    """A sample [N, D] of every joint posterior."""
    _, joint, _ = latents
    noise = jax.random.normal(jax.random.key(0), joint.mean.shape, jnp.float32)
    return np.asarray(joint.mean + joint.deviation * noise)
