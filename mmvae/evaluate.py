"""Measure a finished run: `python -m mmvae.evaluate --workdir RUN --split val --out FILE.json`.

Prints a table beside trivial baselines, and writes JSON with every number, its 95 % bootstrap
interval and its count. docs/evaluation.md says what each number means and how it can mislead.
"""

import sys
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.evaluate --workdir runs/quickstart --split test --out evaluation.json
  python -m mmvae.evaluate --workdir runs/a --out a.json --against runs/b other.json
  python -m mmvae.evaluate --workdir runs/a --out a.json --metrics captions,alignment --num 5000
  python -m mmvae.evaluate --workdir runs/a --out a.json --num 2500 --draws 256 --seeds 5
"""


def main(argv: list[str]) -> int:
    """Measure a run's checkpoint on a split; print tables, write JSON and a picture."""
    options = _parser().parse_args(argv)
    _check(options)
    from mmvae.evaluation.measure import measure

    print("\n".join(measure(options)))
    return 0


def _check(options):
    """UserError for a flag that cannot be right, before anything is loaded."""
    out = Path(options.out)
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    if out.is_dir():
        raise UserError(f"--out {out} is a folder; name a file in it: {out / 'evaluation.json'}")
    for name in ("num", "draws", "seeds"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name}={getattr(options, name)} must be at least 1.")
    if options.seed < 0:
        raise UserError(f"--seed={options.seed} must be at least 0.")


def _parser():
    parser = command_line.Parser(
        prog="python -m mmvae.evaluate", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--split", default="val", help="train, val or test (default: val)")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--data", help="a prepared data set other than the run's own")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="RUN|FILE",
        help="other runs, or JSON files of this command: a table of differences with intervals",
    )
    parser.add_argument(
        "--metrics", default="", metavar="A,B", help="families to measure (default: all)"
    )
    parser.add_argument(
        "--num", type=int, default=500, help="pairs of the split, and pairs to generate"
    )
    parser.add_argument("--draws", type=int, default=8, help="K of the IWAE bounds")
    parser.add_argument("--seeds", type=int, default=1, help="of the sprites' coherence")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")
    parser.add_argument(
        "--features", default="", help="network of KID and the like, e.g. efficientnet_lite0"
    )
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
