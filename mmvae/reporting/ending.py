"""What is told of a run when its training ends: the verdicts, and its page."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from mmvae.reporting import page, questions, runs, terminal
from mmvae.runs.directory import REPORT


@contextlib.contextmanager
def reported(workdir: Path, also_after: type[Exception]) -> Iterator[None]:
    """Report on the run in `workdir` when the block ends well, or with an error of that kind.

    After any other error there is nothing new to tell; an interruption must end fast.
    """
    try:
        yield
    except also_after:
        report(workdir)
        raise
    report(workdir)


def report(workdir: Path) -> None:
    """Print the verdicts on a run that is over, and write its page into its directory."""
    out = workdir / REPORT
    try:
        run = runs.load(workdir)
        if not (run.finished or run.diverged):
            return
        terminal.show(questions.five(run))
        page.write(run, out)
    except runs.NoMetrics:  # stopped before its first row
        return
    except Exception as error:  # a report must not turn a finished training into a failure
        print(f"no report: {type(error).__name__}: {error}", file=sys.stderr)
        return
    print(f"report: {out}")
