"""Where a run begins: at a checkpoint, at another run, or anew; and what it says of that."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmvae.errors import UserError
from mmvae.machine.background import Background
from mmvae.runs.checkpoints import Checkpoints
from mmvae.training import overview, warm_start
from mmvae.training.plan import Plan
from mmvae.training.state import TrainState, create
from mmvae.training.warm_start import WarmStart


def first_state(
    plan: Plan, checkpoints: Checkpoints, stopped: Callable[[], bool]
) -> tuple[int, TrainState, WarmStart | None]:
    """(steps done, state on the host, how it was made of another run's or None).

    Raises:
        UserError: the run has more steps behind it than it shall have.
        Interrupted: `stopped()` came true meanwhile.
    """
    restored = checkpoints.restore_latest(plan.state_shapes())
    if restored:
        step, state, _ = restored
        _check_length(plan, step)
        return step, state, None
    state = Background(plan.initial_state).result(stopped)
    if not plan.config.init.from_run:
        return 0, state, None
    start = warm_start.warm_start(plan.config, state.params, plan.tokenizer)
    return 0, create(start.params, plan.optimizer), start


def lines(
    plan: Plan,
    state: TrainState,
    flops: float,
    step: int,
    start: WarmStart | None,
    changed: Mapping[str, tuple[Any, Any]],
) -> Iterator[str]:
    """Lines of the start-up summary, of a run that begins at `step`.

    `flops` as in `overview.lines`; `changed` is {dotted field: (value before, value now)}.
    """
    yield from overview.lines(plan, state, flops, step)
    yield from warm_start.lines(start) if start else ()
    for path, (before, now) in changed.items():
        yield f"continued   config.{path}: {before} before, {now} now"


def _check_length(plan, step):
    if step > plan.total_steps:
        done = -(-step // plan.steps_per_epoch)
        raise UserError(
            f"config.train.epochs={plan.config.train.epochs} is less than what the run has "
            f"trained already ({step:,} steps); type --config.train.epochs={done} or more."
        )
