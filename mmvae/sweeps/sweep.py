"""A sweep from its flags to the comparison of its runs."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmvae import command_line, files
from mmvae.config import fields
from mmvae.errors import UserError
from mmvae.reporting import page
from mmvae.reporting.comparing import page as comparison
from mmvae.sweeps import plan as plans
from mmvae.sweeps.plan import Plan
from mmvae.sweeps.runner import Runner
from mmvae.sweeps.trials import CRASHED, Trial

_PLAN = "sweep.json"


def sweep(options: argparse.Namespace) -> int:
    """Carry out what the flags ask for; 1 when a run crashed, 130 when it was interrupted.

    Raises:
        UserError: flags that cannot work, another sweep in the place, or another process.
    """
    plan, overrides = plans.make(options), _overrides(options)
    _check_fields(options, plan)
    directory = Path(options.out)
    if options.print:
        print("\n".join(plans.commands(plan, directory, options.config_file, overrides)))
        return 0
    with _place(directory, plan, {"config": options.config_file, "all": overrides}):
        runner = Runner(
            command=lambda trial: trial.command(options.config_file, overrides),
            group=directory.resolve().name,
            parallel=options.parallel,
        )
        try:
            trials = plans.carry_out(plan, directory, runner)
        except KeyboardInterrupt:
            print("interrupted; the same command continues the sweep", file=sys.stderr)
            return 130
        _compare(trials, directory)
        return 1 if _crashed(trials, runner) else 0


@contextlib.contextmanager
def _place(directory: Path, plan: Plan, more: dict[str, Any]) -> Iterator[None]:
    """The directory with what the sweep is, for this process alone; never two sweeps in one."""
    directory.mkdir(parents=True, exist_ok=True)
    path, instead = directory / _PLAN, "type --out NEW for this one"
    with files.alone(directory / files.LOCK, f"runs the sweep in {directory}", instead):
        # As JSON gives it back: lists, not tuples.
        described = json.loads(json.dumps(plans.described(plan) | more, default=str))
        if path.exists():
            _check_same(path, described, instead)
        files.write_whole(path, (json.dumps(described, indent=2) + "\n").encode())
        yield


def _check_same(path: Path, described: dict[str, Any], instead: str) -> None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name in described | stored if described.get(name) != stored.get(name)]
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); {instead}.") from error
    if names:
        both = [f"{name} ({stored.get(name)} there, {described.get(name)} here)" for name in names]
        raise UserError(f"{path.parent} holds another sweep: {', '.join(both)}; {instead}.")


def _compare(trials: list[Trial], directory: Path) -> None:
    runs = [run for run in (trial.run() for trial in trials) if run is not None]
    out = directory / "comparison.html"
    if len(runs) > 1:
        comparison.write(runs, out)
    elif runs:
        page.write(runs[0], out)
    else:
        print("no run has logged anything, so there is nothing to compare", file=sys.stderr)
        return
    print(f"Comparison of {len(runs)} run(s): {out}")


def _crashed(trials: list[Trial], runner: Runner) -> bool:
    """Whether a run crashed; each one is told of."""
    crashed = [trial for trial in trials if runner.states[trial.name] == CRASHED]
    for trial in crashed:
        reason, log = runner.reasons[trial.name], runner.log(trial)
        print(f"crashed: {trial.name}: {reason} (all of it: {log})", file=sys.stderr)
    return bool(crashed)


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    """{field: value} that the command line sets for every run."""
    before = fields(command_line.load(options.config_file))
    now = fields(options.config)
    return {name: value for name, value in now.items() if value != before[name]}


def _check_fields(options: argparse.Namespace, plan: Plan) -> None:
    """UserError for a field that the configuration lacks, or a value of another type."""
    for setting in plan.examples:
        config = command_line.load(options.config_file)
        arguments = [f"--config.{field}={value}" for field, value in setting.items()]
        command_line.override(config, arguments)
