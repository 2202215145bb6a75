"""How fast training is on this machine: `python -m mmvae.benchmark --config FILE`.

Measures the train step on random batches, without TensorFlow and without data on disk, against
the fastest matrix product of the same device; with --data also the input pipeline.
"""

import json
import sys
from pathlib import Path

from mmvae import command_line, files
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.benchmark --config configs/base.py
  python -m mmvae.benchmark --config configs/base.py --seconds 30 --out speed.json
  python -m mmvae.benchmark --config configs/base.py --data datasets/engravings
  python -m mmvae.benchmark --config configs/base.py --config.train.batch_size=512
  python -m mmvae.benchmark --config configs/base.py --profile trace
"""
_VOCABULARY = 4000
_LEAST_VOCABULARY = 5  # one piece besides the special ones


def main(argv: list[str]) -> int:
    """Measure what the flags ask for; print a table, and write JSON with --out."""
    options = _parser().parse_args(argv)
    _check(options)
    # JAX takes seconds to import: wrong flags were answered before.
    from mmvae.performance import measure, table

    if options.profile:
        result = measure.profiled(options.config, options.vocab_size, Path(options.profile))
        shown = table.parts(result)
    else:
        size, data = options.vocab_size, options.data
        result = measure.measure(options.config, options.seconds, size, data)
        shown = table.lines(result)
    if options.out:
        files.write_whole(Path(options.out), (json.dumps(result, indent=2) + "\n").encode())
    print("\n".join(shown))
    return 0


def _parser():
    parser = command_line.ConfigParser(
        prog="python -m mmvae.benchmark", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (10)")
    parser.add_argument(
        "--vocab-size", type=int, help=f"pieces, when no data set tells ({_VOCABULARY})"
    )
    parser.add_argument("--data", help="a prepared data set: measure the input pipeline too")
    parser.add_argument(
        "--profile", metavar="DIR", help="write a trace there, and show a step's time by part"
    )
    parser.add_argument("--out", help="the JSON file to write")
    return parser


def _check(options):
    """UserError for flags that cannot work."""
    if not 0 < options.seconds < float("inf"):
        raise UserError(f"--seconds {options.seconds:g} must be above 0, such as --seconds 10.")
    if options.data and options.profile:
        raise UserError("--profile and --data exclude each other: a trace is of the step alone.")
    if options.data and options.vocab_size:
        raise UserError("--vocab-size and --data exclude each other: a data set has its own.")
    options.vocab_size = _VOCABULARY if options.vocab_size is None else options.vocab_size
    if options.vocab_size < _LEAST_VOCABULARY:
        raise UserError(f"--vocab-size {options.vocab_size} must be at least {_LEAST_VOCABULARY}.")
    if options.out and not Path(options.out).parent.is_dir():
        folder = Path(options.out).parent
        raise UserError(f"--out {options.out}: the folder {folder} does not exist; make it first.")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
