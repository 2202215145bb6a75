"""The plan of a sweep: what its flags and its file ask for, and carrying it out."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from mmvae.errors import UserError, did_you_mean
from mmvae.reporting.comparing.comparison import TARGETS, Target, at_best
from mmvae.sweeps import space as spaces
from mmvae.sweeps import sweep_file, tpe
from mmvae.sweeps.runner import Runner
from mmvae.sweeps.space import Setting, Space
from mmvae.sweeps.sweep_file import GRID, RANDOM, TPE, SweepFile
from mmvae.sweeps.trials import Trial, shell, trials

_METRIC = "val/loss_total"


class Plan(NamedTuple):
    """A checked sweep.

    Attributes:
        space: what varies.
        method: GRID, RANDOM or TPE.
        count: number of settings; None for all of a grid.
        seeds: each setting is tried with each.
        metric: what TPE improves.
    """

    space: Space
    method: str
    count: int | None
    seeds: list[int]
    metric: Target

    @property
    def examples(self) -> list[Setting]:
        """Settings that between them hold every value of the space, for checking."""
        space = self.space
        chosen = [{f: v} for f, values in space.choices.items() for v in values]
        ends = [{f: r.at(x)} for f, r in space.ranges.items() for x in (0.0, 1.0)]
        return [*chosen, *ends, *space.cases.values()]

    def settings(self) -> list[Setting]:
        """The settings of a grid or of a random sweep."""
        if self.method == GRID:
            return spaces.grid(self.space)
        return [spaces.sample(self.space, index) for index in range(self.count)]


def make(options: argparse.Namespace) -> Plan:
    """The Plan of parsed flags.

    Raises:
        UserError: flags that contradict each other, or a sweep of nothing.
    """
    _check(options)
    file = sweep_file.read(options.file) if options.file else sweep_file.NOTHING
    choices = file.space.choices | dict(spaces.parse_choices(text) for text in options.grid)
    ranges = file.space.ranges | dict(spaces.parse_range(text) for text in options.range)
    seeds = choices.pop("seed", file.seeds) or [options.config.seed]
    plan = Plan(
        Space(choices, ranges, file.space.cases),
        *_method(options, file),
        _seeds(options.seeds) if options.seeds else seeds,
        _target(options.metric or file.metric or _METRIC),
    )
    _check_plan(plan)
    return plan


def _method(options: argparse.Namespace, file: SweepFile) -> tuple[str, int | None]:
    """How settings are chosen, and how many; flags go before the file."""
    if options.random:
        return RANDOM, options.random
    return (TPE, options.tpe) if options.tpe else (file.method, file.count)


def described(plan: Plan) -> dict[str, Any]:
    """The plan as JSON; the number of settings is left out, so that a sweep can be made longer."""
    space = plan.space
    return {
        "method": plan.method,
        "choices": space.choices,
        "ranges": {field: list(numbers) for field, numbers in space.ranges.items()},
        "cases": space.cases,
        "seeds": plan.seeds,
        "metric": plan.metric.metric,
    }


def all_trials(plan: Plan, directory: Path) -> list[Trial]:
    """Trials of a grid or of a random sweep."""
    numbered = plan.method == RANDOM
    return trials(plan.settings(), plan.seeds, directory, plan.space.fields, numbered)


def commands(plan: Plan, directory: Path, config_file: str, overrides: Setting) -> list[str]:
    """The commands of a sweep, a line each.

    Raises:
        UserError: TPE, whose settings depend on results.
    """
    if plan.method == TPE:
        raise UserError("--print cannot tell what --tpe will try; type --random N instead.")
    group = directory.resolve().name
    return [
        shell(trial.command(config_file, overrides), group) for trial in all_trials(plan, directory)
    ]


def carry_out(plan: Plan, directory: Path, runner: Runner) -> list[Trial]:
    """Run everything; returns the Trials."""
    if plan.method != TPE:
        every = all_trials(plan, directory)
        runner.run(every)
        return every
    every, history = [], []
    for index in range(plan.count):
        setting = tpe.propose(plan.space, history, plan.metric.less)
        batch = trials([setting], plan.seeds, directory, plan.space.fields, True, index)
        runner.run(batch)
        every += batch
        history.append((setting, _score(batch, plan.metric)))
    return every


def _score(batch: list[Trial], target: Target) -> float | None:
    """Mean of the metric over the seeds' best steps, or None where one has none."""
    runs = [trial.run() for trial in batch]
    if not all(run is not None and run.finished for run in runs):
        return None
    return sum(at_best(run, target.metric) for run in runs) / len(runs)


def _check(options: argparse.Namespace) -> None:
    if options.random and options.tpe:
        raise UserError("--random and --tpe exclude each other; leave one out.")
    for flag in ("random", "tpe", "parallel"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise UserError(f"--{flag} {value} must be at least 1.")


def _seeds(text: str) -> list[int]:
    seeds = [spaces.number(part) for part in text.split(",")]
    if not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
        raise UserError(f"--seeds {text} must be whole numbers from 0, such as --seeds 0,1.")
    return seeds


def _target(name: str) -> Target:
    known = {f"val/{target.metric}": target for target in TARGETS}
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"--metric {name} must be one of: {', '.join(known)}{hint}")
    return known[name]


def _check_plan(plan: Plan) -> None:
    if not plan.space.fields:
        raise UserError("nothing to try: add --grid FIELD=A,B, --range FIELD=LOW:HIGH or --file.")
    if plan.method == GRID:
        spaces.grid(plan.space)  # refuses ranges
    elif not plan.count:
        raise UserError(f"a {plan.method} sweep needs a number of settings: --{plan.method} 20.")
    weights = [field for field in plan.space.fields if field.startswith("loss.")]
    if plan.method == TPE and plan.metric.metric == "loss_total" and weights:
        raise UserError(
            f"{weights[0]} changes what the total loss means; type --metric val/image_mse or "
            f"another one."
        )
