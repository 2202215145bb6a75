"""New pairs, captions and pictures: `python -m mmvae.generate --workdir RUN --out DIR`."""

import math
import sys
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.generate --workdir runs/quickstart --num 16 --seed 0 --out generated
  python -m mmvae.generate --workdir runs/quickstart --caption "big red heart" --out drawn
  python -m mmvae.generate --workdir runs/quickstart --image picture.png --beams 4
  python -m mmvae.generate --workdir runs/label --given label="shape=heart" --out hearts
  python -m mmvae.generate --workdir runs/label --given image=a.png --given label="size=big" --out a
  python -m mmvae.generate --workdir runs/quickstart --interpolate "big red heart" 7 --out between
"""


def main(argv: list[str]) -> int:
    """Parse flags; write pairs into a directory, or print the caption of a picture."""
    options = _parser().parse_args(argv)
    _check(options)
    given = _given(options)
    from mmvae.inference import pairs, requests
    from mmvae.inference.session import Session

    session = Session.load(options.workdir, options.checkpoint)
    names = ("num", "seed", "sampler", "temperature", "guidance", "beams")
    request = requests.Request(given=given, **{name: getattr(options, name) for name in names})
    if options.image:
        new, seeds = requests.described(session, options.image, request), [""]
        print(new.captions[0])
    elif options.interpolate:
        new, seeds = requests.between(session, options.interpolate, request), [""] * options.num
    else:
        new, seeds = requests.made(session, request)
    if options.out:
        out = Path(options.out)
        pairs.write(new, seeds, out)
        if options.interpolate:
            pairs.write_way(new, out)
        print(f"{len(new.images)} pairs in {out}; look at {out / 'contact_sheet.png'}")
    return 0


def _parser():
    parser = command_line.Parser(
        prog="python -m mmvae.generate", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--num", type=int, default=16, help="how many pairs, pictures or steps")
    parser.add_argument("--seed", type=int, default=0, help="of the first one; the others follow")
    parser.add_argument("--temperature", type=float, default=1.0, help="scale of the noise")
    parser.add_argument(
        "--guidance",
        type=float,
        default=3.0,
        help="of the flow: more is truer to the caption, and less varied; 1: as learned",
    )
    parser.add_argument(
        "--sampler",
        help="flow: the learned prior, the default; ancestral: that, led by its own first caption; "
        "gmm: the fitted aggregate posterior; prior: N(0, I), or the posterior of what is given, "
        "the default where several modalities are",
    )
    parser.add_argument("--beams", type=int, default=1, help="hypotheses of the caption search")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--caption", help="make pictures for this caption")
    what.add_argument("--image", help="print a caption for this picture file")
    what.add_argument(
        "--given",
        action="append",
        metavar="NAME=VALUE",
        help="pairs for a value of any modality, a picture's being its file; may be repeated",
    )
    what.add_argument(
        "--interpolate",
        nargs=2,
        metavar=("A", "B"),
        help="pairs from A to B, each a seed, a picture file or a caption",
    )
    parser.add_argument("--out", help="the directory to write pictures and captions.csv to")
    return parser


def _check(options):
    if not options.image and not options.out:
        raise UserError("--out DIR is required: where pictures and captions.csv go.")
    if options.num < 1 or options.beams < 1:
        raise UserError("--num and --beams must be at least 1.")
    if options.seed < 0 or options.seed + options.num > 2**32:
        raise UserError("--seed must be at least 0, and --seed + --num at most 2^32.")
    if not 0 <= options.temperature < math.inf:
        raise UserError("--temperature must be a number of at least 0.")
    if not 0 <= options.guidance < math.inf:
        raise UserError("--guidance must be a number of at least 0; 1 is the prior as learned.")
    if options.out and Path(options.out).is_file():
        raise UserError(f"--out {options.out} is a file; name a directory.")


def _given(options):
    """{name of a modality: text} of --caption or of --given."""
    texts = {} if options.caption is None else {"caption": options.caption}
    for one in options.given or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise UserError(f"--given {one} must be NAME=VALUE, such as --given caption=TEXT.")
        texts[name] = value
    return texts


if __name__ == "__main__":
    sys.exit(command_line.run(main))
