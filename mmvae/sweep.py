"""Try settings: `python -m mmvae.sweep --config FILE --grid FIELD=A,B --out DIR`."""

import json
import sys
from pathlib import Path

from mmvae import command_line
from mmvae.config import fields
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.sweep --config configs/base.py --grid train.batch_size=8,16,32 --out sweeps/batch
  python -m mmvae.sweep --config configs/base.py --file configs/sweeps/learning_rate.yaml \\
    --seeds 0,1 --out sweeps/rate --config.train.epochs=5
  python -m mmvae.sweep --config configs/base.py --random 20 --seeds 0,1 --out sweeps/random \\
    --range optimizer.learning_rate=1e-4:1e-2:log --grid train.batch_size=64,128
  python -m mmvae.sweep --config configs/base.py --tpe 30 --out sweeps/tpe \\
    --range optimizer.learning_rate=1e-4:1e-2:log

The same command continues a sweep that was interrupted: finished runs are kept. --print shows
the commands of a grid or of random settings instead, for a cluster; the same command without
--print, or python -m mmvae.report DIR/*/, then compares the runs.
"""
_PLAN = "sweep.json"


def main(argv: list[str]) -> int:
    """Run a sweep and compare its runs; 1 when one of them crashed."""
    parser = _parser()
    options = parser.parse_args(argv)
    from mmvae.sweeps import plan

    made = plan.make(options)
    directory = Path(options.out)
    overrides = _overrides(options)
    _check_fields(options, made)
    if options.print:
        print("\n".join(plan.commands(made, directory, options.config_file, overrides)))
        return 0
    _keep(directory, plan.described(made) | {"config": options.config_file, "all": overrides})
    return _run(made, directory, options, overrides)


def _run(made, directory, options, overrides):
    from mmvae.sweeps import plan
    from mmvae.sweeps.runner import Runner
    from mmvae.sweeps.trials import CRASHED

    runner = Runner(
        command=lambda trial: trial.command(options.config_file, overrides),
        group=directory.resolve().name,
        parallel=options.parallel,
    )
    try:
        trials = plan.carry_out(made, directory, runner)
    except KeyboardInterrupt:
        print("interrupted; the same command continues the sweep", file=sys.stderr)
        return 130
    _compare(trials, directory)
    crashed = [trial for trial in trials if runner.states[trial.name] == CRASHED]
    for trial in crashed:
        reason, log = runner.reasons[trial.name], runner.log(trial)
        print(f"crashed: {trial.name}: {reason} (all of it: {log})", file=sys.stderr)
    return 1 if crashed else 0


def _compare(trials, directory):
    from mmvae.reporting import page
    from mmvae.reporting.comparing import page as comparison

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


def _overrides(options):
    """{field: value} that the command line sets for every run."""
    before = fields(command_line.load(options.config_file))
    now = fields(options.config)
    return {name: value for name, value in now.items() if value != before[name]}


def _check_fields(options, made):
    """UserError for a field that the configuration lacks, or a value of another type."""
    for setting in made.examples:
        config = command_line.load(options.config_file)
        arguments = [f"--config.{field}={value}" for field, value in setting.items()]
        command_line.override(config, arguments)


def _keep(directory, described):
    """Write what the sweep is; refuse to mix two in one place."""
    path = directory / _PLAN
    text = json.dumps(described, indent=2, default=str) + "\n"
    if path.exists() and path.read_text() != text:
        raise UserError(f"{directory} holds another sweep ({path}); type --out NEW for this one.")
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _parser():
    parser = command_line.ConfigParser(
        prog="python -m mmvae.sweep", description=__doc__, epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="the sweep's directory: a run in each folder")
    add("--grid", action="append", default=[], metavar="FIELD=A,B", help="values; may be repeated")
    add("--range", action="append", default=[], metavar="FIELD=LOW:HIGH[:log]", help="to draw from")
    add("--file", metavar="FILE", help="a sweep file, such as those in configs/sweeps/")
    add("--random", type=int, metavar="N", help="draw N settings instead of trying all")
    add("--tpe", type=int, metavar="N", help="let Optuna's TPE choose N settings (pip: mmvae[tpe])")
    add("--metric", metavar="NAME", help="what --tpe improves (default: val/loss_total)")
    add("--seeds", metavar="A,B", help="repeat every setting with each (default: the config's)")
    add("--parallel", type=int, default=1, metavar="N", help="runs at a time (default: 1)")
    add("--print", action="store_true", help="print the commands and run nothing")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
