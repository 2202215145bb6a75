"""What a run says of itself before it starts."""

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import PyTree

from mmvae.data import pools, text
from mmvae.machine.devices import devices
from mmvae.training import optimizer, warm_start
from mmvae.training.plan import Plan
from mmvae.training.state import TrainState

_FEW = 100  # pairs


def lines(plan: Plan, state: TrainState, flops: float, first_step: int) -> Iterator[str]:
    """Lines of the start-up summary: devices, data, vocabulary, parameters, work to do.

    `flops`: floating-point operations of one train step, over all devices.
    """
    config = plan.config
    yield f"devices     {devices()}"
    train, val = plan.train_records.pairs, plan.val_records.pairs
    pairs = f"{len(train):,} train, {len(val):,} val"
    sizes = ", ".join(modality.describe() for modality in plan.modalities.values())
    yield f"data        {config.data.dir}: {pairs} pairs of {sizes}"
    if len(plan.rows) > 1:
        yield f"rows        {_rows(plan)}"
    yield f"vocabulary  {text.verdict(plan.vocabulary())}"
    if len(train) < _FEW:
        yield (
            f"warning     {len(train)} training pairs are learnt by heart in a few "
            f"epochs, and {len(val)} validation pairs tell little: keep the best "
            "checkpoint, train fewer parameters (config.train.freeze, config.model.adapter_rank)"
        )
    yield from parameter_table(state.params)
    held = jax.tree.leaves(optimizer.frozen(config, state.params))
    if any(held):
        sizes = [leaf.size for leaf in jax.tree.leaves(state.params)]
        frozen = sum(size for size, is_held in zip(sizes, held, strict=True) if is_held)
        yield f"parameters  {'trained':<20} {sum(sizes) - frozen:>12,}"
    yield (
        f"step        {config.train.batch_size} pairs, {flops / 1e9:,.1f} GFLOP, "
        f"{config.model.dtype} products"
    )
    resumed = f", resuming after step {first_step:,}" if first_step else ""
    yield (
        f"work        {config.train.epochs} epochs of {plan.steps_per_epoch:,} steps = "
        f"{plan.total_steps:,} steps{resumed}; the expected end follows the first of them"
    )


def _rows(plan):
    """What training rows have, and what of them a batch holds."""
    sizes = pools.batch_sizes(plan.config.data.shares, plan.config.train.batch_size)
    held = ", ".join(f"{kind} {number:,}" for kind, number in plan.rows.items())
    batch = ", ".join(f"{kind} {number}" for kind, number in sizes.items())
    return f"{held}; in a batch {batch or 'as they come'}"


def parameter_table(params: PyTree) -> Iterator[str]:
    """Rows "name  count" of the model's parts, and their sum."""
    counts = parameter_counts(params)
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        if count >= 1000:
            yield f"parameters  {name:<20} {count:>12,}"
    yield f"parameters  {'total':<20} {sum(counts.values()):>12,}"


def parameter_counts(params: PyTree) -> dict[str, int]:
    """{part of the model: number of parameters}."""
    return {name: _count(part) for name, part in params.items()}


def memory_bytes(state: TrainState, batch: dict) -> int:
    """Bytes of a state and of one batch on the devices; activations come on top."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves((state, batch)))


def dry_run(plan: Plan) -> Iterator[str]:
    """Lines of everything that can be known without training: shapes, sizes, steps, memory."""
    state = plan.state_shapes()
    batch = plan.example_batch()
    yield from lines(plan, state, plan.step_flops(), 0)
    for name, modality in plan.modalities.items():
        yield f"shape       {name:<20} {modality.shape} {modality.dtype}"
    held = memory_bytes(state, batch) / 2**30
    yield f"memory      {held:.2f} GiB for parameters, optimizer, average and one batch"
    if plan.config.init.from_run:
        params = plan.initial_state().params
        yield from warm_start.lines(warm_start.warm_start(plan.config, params, plan.tokenizer))
    yield "dry run     nothing was trained or written"


def _count(tree):
    return int(sum(np.prod(x.shape) for x in jax.tree.leaves(tree)))
