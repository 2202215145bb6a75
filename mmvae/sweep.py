"""Try settings: `python -m mmvae.sweep --config FILE --grid FIELD=A,B --out DIR`."""

import sys

from mmvae import command_line

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


def main(argv: list[str]) -> int:
    """Run a sweep and compare its runs; 1 when one of them crashed."""
    options = _parser().parse_args(argv)
    from mmvae.sweeps.sweep import sweep

    return sweep(options)


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
