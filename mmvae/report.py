"""Read runs: `python -m mmvae.report RUN [RUN ...] --out FILE.html`."""

import sys

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.report runs/quickstart                        the verdicts, in the terminal
  python -m mmvae.report runs/quickstart --out report.html      one page, which needs no network
  python -m mmvae.report runs/quickstart --out report.md        with pictures in report_files/
  python -m mmvae.report runs/quickstart --csv metrics.csv --layout wide
  python -m mmvae.report runs/quickstart --watch                follow a run that trains
  python -m mmvae.report runs/a runs/b runs/c --out comparison.html
  python -m mmvae.report sweeps/a/*/ --scores table.md          what mmvae.evaluate measured of each

The run may be training still; no account and no accelerator is needed.
"""


def main(argv: list[str]) -> int:
    """Answer questions about one run, or compare several."""
    options = _parser().parse_args(argv)
    _check(options)
    # These take a second to import: wrong flags were answered before.
    from mmvae.reporting import document, page, questions, tables, terminal
    from mmvae.reporting.comparing import page as comparison
    from mmvae.reporting.comparing import scores

    if options.watch:
        terminal.watch(options.runs[0], options.every)
        return 0
    if options.out:
        document.checked(options.out)
    loaded = _loaded(options.runs)
    if options.csv:
        tables.write(loaded, options.csv, options.layout)
    if options.scores:
        scores.write(loaded, options.scores)
    if len(loaded) == 1:
        terminal.show(questions.every(loaded[0]))
    if options.out:
        write = comparison.write if len(loaded) > 1 else lambda runs, out: page.write(runs[0], out)
        write(loaded, options.out)
    for path in filter(None, (options.out, options.csv, options.scores)):
        print(f"Written to {path}")
    return 0


def _loaded(paths):
    """Runs; of several, those that have logged nothing yet are left out, and it is said."""
    from mmvae.reporting import runs

    loaded, missing = [], []
    for path in paths:
        try:
            loaded.append(runs.load(path))
        except runs.NoMetrics as error:
            missing.append(error)
    if len(loaded) < min(2, len(paths)):
        raise missing[0]
    for error in missing:
        print(f"left out: {error}", file=sys.stderr)
    return loaded


def _parser():
    parser = command_line.Parser(
        prog="python -m mmvae.report", description=__doc__, epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="a run's directory; several are compared")
    add("--out", metavar="FILE", help="write the report, a .html or .md file")
    add("--csv", metavar="FILE", help="write every metric as CSV")
    add("--scores", metavar="FILE", help="write a .md table of the runs' evaluation.json")
    add("--layout", default="long", metavar="LAYOUT", help="of the CSV: long (default) or wide")
    add("--watch", action="store_true", help="show the run live, until it is finished")
    add(
        "--every", type=float, default=5.0, metavar="SECONDS", help="between two looks (default: 5)"
    )
    return parser


def _check(options):
    if options.layout not in ("long", "wide"):
        raise UserError(f"--layout {options.layout} must be long or wide.")
    if not options.every > 0:  # NaN is not either
        raise UserError(f"--every {options.every:g} must be above 0, such as --every 5.")
    written = options.out or options.csv or options.scores
    if options.watch and (written or len(options.runs) > 1):
        raise UserError("--watch shows one run in the terminal; leave out --out, --csv and others.")
    if len(options.runs) > 1 and not written:
        raise UserError("a comparison needs a file: add --out comparison.html.")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
