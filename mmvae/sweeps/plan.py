"""The plan of a sweep: what its flags and its file ask for, and carrying it out."""

from typing import NamedTuple

from mmvae.errors import UserError, did_you_mean
from mmvae.reporting.settings import TARGETS, at_best
from mmvae.sweeps import space as spaces
from mmvae.sweeps import sweep_file, tpe
from mmvae.sweeps.trials import shell, trials

GRID, RANDOM, TPE = "grid", "random", "tpe"
_METRIC = "val/loss_total"


class Plan(NamedTuple):
    """A checked sweep: Space, GRID, RANDOM or TPE, number of settings (None: all), seeds, metric.

    `metric` is the Target that TPE improves.
    """

    space: object
    method: str
    count: int | None
    seeds: list
    metric: object

    @property
    def examples(self):
        """Settings that between them hold every value of the space, for checking."""
        space = self.space
        found = [{f: v} for f, values in space.choices.items() for v in values]
        found += [{f: r.at(x)} for f, r in space.ranges.items() for x in (0.0, 1.0)]
        return found + list(space.cases.values())

    def settings(self):
        """The settings of a grid or of random draws."""
        if self.method == GRID:
            return spaces.grid(self.space)
        return [spaces.draw(self.space, index) for index in range(self.count)]


def make(options):
    """The Plan of parsed flags.

    Raises:
        UserError: flags that contradict each other, or a sweep of nothing.
    """
    _check(options)
    choices = dict(spaces.parse_choices(text) for text in options.grid)
    ranges = dict(spaces.parse_range(text) for text in options.range)
    space, method, count, metric = spaces.Space(choices, ranges, {}), GRID, None, options.metric
    seeds = choices.pop("seed", [])
    if options.file:
        file = sweep_file.read(options.file)
        merged = (file.space.choices | choices, file.space.ranges | ranges, file.space.cases)
        space, method, count = spaces.Space(*merged), file.method, file.count
        seeds, metric = seeds or file.seeds, metric or file.metric
        method = TPE if method == "bayes" else method
    if options.random or options.tpe:
        method, count = (RANDOM, options.random) if options.random else (TPE, options.tpe)
    if not space.fields:
        raise UserError("nothing to try: add --grid FIELD=A,B, --range FIELD=LOW:HIGH or --file.")
    if method != GRID and not count:
        raise UserError(f"a {method} sweep needs a number of settings: --{method} 20.")
    if options.seeds:
        seeds = _seeds(options.seeds)
    plan = Plan(space, method, count, seeds or [options.config.seed], _target(metric or _METRIC))
    _check_metric(plan)
    if method == GRID:
        spaces.grid(space)  # refuses ranges
    return plan


def described(plan):
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


def all_trials(plan, directory):
    """Trials of a grid or of random draws."""
    numbered = plan.method == RANDOM
    return trials(plan.settings(), plan.seeds, directory, plan.space.fields, numbered)


def commands(plan, directory, config_file, overrides):
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


def carry_out(plan, directory, runner):
    """Run everything through a Runner; returns the Trials."""
    if plan.method != TPE:
        made = all_trials(plan, directory)
        runner.run(made)
        return made
    made, history = [], []
    for index in range(plan.count):
        setting = tpe.propose(plan.space, history, plan.metric.less)
        batch = trials([setting], plan.seeds, directory, plan.space.fields, True, index)
        runner.run(batch)
        made += batch
        history.append((setting, _score(batch, plan.metric)))
    return made


def _score(batch, target):
    """Mean of the metric over the seeds' best steps, or None where one has none."""
    found = [trial.run() for trial in batch]
    if not all(run is not None and run.finished for run in found):
        return None
    return sum(at_best(run, target.metric) for run in found) / len(found)


def _check(options):
    if options.random and options.tpe:
        raise UserError("--random and --tpe exclude each other; leave one out.")
    for flag in ("random", "tpe", "parallel"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise UserError(f"--{flag} {value} must be at least 1.")


def _seeds(text):
    seeds = [spaces.number(part) for part in text.split(",")]
    if not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
        raise UserError(f"--seeds {text} must be whole numbers from 0, such as --seeds 0,1.")
    return seeds


def _target(name):
    known = {f"val/{target.metric}": target for target in TARGETS}
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"--metric {name} must be one of: {', '.join(known)}{hint}")
    return known[name]


def _check_metric(plan):
    weighing = [field for field in plan.space.fields if field.startswith("loss.")]
    if plan.method == TPE and plan.metric.metric == "loss_total" and weighing:
        raise UserError(
            f"{weighing[0]} changes what the total loss means; type --metric val/image_mse or "
            f"another one."
        )
