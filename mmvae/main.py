"""Train a model: `python -m mmvae.main --config configs/base.py`."""

import contextlib
import os
import sys
import traceback
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.main --config configs/base.py
  python -m mmvae.main --config configs/base.py --workdir runs/b32 --config.train.batch_size=32
  python -m mmvae.main --config configs/base.py --dry_run
  python -m mmvae.main --config configs/base.py --print_config

The same command continues an interrupted run. Several processes: set JAX_COORDINATOR_ADDRESS,
JAX_NUM_PROCESSES and JAX_PROCESS_ID (a Slurm job or a TPU pod slice needs only --multihost).
"""


def main(argv):
    """Parse flags, start the machine up, train; returns the exit code."""
    parser = command_line.ConfigParser(
        prog="python -m mmvae.main", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", help="the run's directory; default: runs/<config.name>")
    parser.add_argument(
        "--dry_run", action="store_true", help="show shapes, sizes and steps; train nothing"
    )
    parser.add_argument(
        "--multihost", action="store_true", help="join the other processes of a cluster job"
    )
    options = parser.parse_args(argv)
    start_up(options.multihost)
    # TensorFlow and JAX take seconds to import: wrong flags were answered before.
    from mmvae import summary
    from mmvae.plan import Plan
    from mmvae.train import train

    if options.dry_run:
        print("\n".join(summary.dry_run(Plan(options.config))))
        return 0
    workdir = Path(options.workdir or Path("runs") / options.config.name)
    with together(), reported(workdir):
        return train(options.config, workdir)


@contextlib.contextmanager
def reported(workdir):
    """Write report.html after training, also after one that diverged, and print the verdicts."""
    try:
        yield
    finally:
        # An interruption must end fast: the same command continues, and then reports.
        if not isinstance(sys.exception(), KeyboardInterrupt):
            _report(workdir)


def _report(workdir):
    import jax

    from mmvae.reporting import page, questions, runs, terminal

    if jax.process_index() != 0:
        return
    try:
        run = runs.load(workdir)
        if not (run.finished or run.diverged):
            return
        terminal.show(questions.five(run))
        page.write(run, workdir / "report.html")
    except Exception as error:  # a report must not turn a finished training into a failure
        print(f"no report: {type(error).__name__}: {error}", file=sys.stderr)
        return
    print(f"report: {workdir / 'report.html'}")


@contextlib.contextmanager
def together():
    """End this process at once when it fails among several: the others wait for it otherwise."""
    import jax

    try:
        yield
    except Exception as error:
        if jax.process_count() == 1:
            raise
        if isinstance(error, UserError):
            print(f"error: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(2 if isinstance(error, UserError) else 1)


def start_up(multihost):
    """Settings of the libraries that must come before their first use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", os.path.expanduser("~/.cache/mmvae/xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if multihost:
        jax.distributed.initialize()
    elif "JAX_COORDINATOR_ADDRESS" in os.environ:
        jax.distributed.initialize(
            num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
            process_id=int(os.environ["JAX_PROCESS_ID"]),
        )


if __name__ == "__main__":
    sys.exit(command_line.run(main))
