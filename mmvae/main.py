"""Train a model: `python -m mmvae.main --config configs/base.py`."""

import sys
from contextlib import nullcontext
from pathlib import Path

from mmvae import command_line
from mmvae.machine.background import leave
from mmvae.machine.startup import start_up, together

_EXAMPLES = """examples:
  python -m mmvae.main --config configs/base.py
  python -m mmvae.main --config configs/base.py --workdir runs/b32 --config.train.batch_size=32
  python -m mmvae.main --config configs/base.py --dry-run
  python -m mmvae.main --config configs/base.py --print-config

The same command continues an interrupted run. Several processes: set JAX_COORDINATOR_ADDRESS,
JAX_NUM_PROCESSES and JAX_PROCESS_ID (a Slurm job or a TPU pod slice needs only --multihost).
"""


def main(argv: list[str]) -> int:
    """Parse flags, start the machine up, train; returns the exit code."""
    parser = command_line.ConfigParser(
        prog="python -m mmvae.main", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", help="the run's directory; default: runs/<config.name>")
    parser.add_argument(
        "--dry-run", action="store_true", help="show shapes, sizes and steps; train nothing"
    )
    parser.add_argument(
        "--multihost", action="store_true", help="join the other processes of a cluster job"
    )
    options = parser.parse_args(argv)
    start_up(options.multihost)
    # TensorFlow and JAX take seconds to import: wrong flags were answered before.
    from mmvae.reporting.ending import reported
    from mmvae.training import overview
    from mmvae.training.journal import Diverged
    from mmvae.training.loop import train
    from mmvae.training.plan import Plan

    if options.dry_run:
        print("\n".join(overview.dry_run(Plan(options.config))))
        return 0
    workdir = Path(options.workdir or Path("runs") / options.config.name)
    with together() as first, reported(workdir, Diverged) if first else nullcontext():
        return train(options.config, workdir)


if __name__ == "__main__":
    sys.exit(leave(command_line.run(main)))
