"""New pairs, captions and pictures: `python -m mmvae.generate --workdir RUN --out DIR`."""

import os
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
_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def main(argv: list[str]) -> int:
    """Parse flags; write pairs into a directory, or print the caption of a picture."""
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
    options = parser.parse_args(argv)
    _check(options)
    from mmvae.inference.pairs import write, write_way
    from mmvae.inference.session import Session

    session = Session.load(options.workdir, options.checkpoint)
    pairs, seeds = _made(session, options)
    if options.image:
        print(pairs.captions[0])
    if options.out:
        out = Path(options.out)
        write(pairs, seeds, out)
        if options.interpolate:
            write_way(pairs, out)
        print(f"{len(pairs.images)} pairs in {out}; look at {out / 'contact_sheet.png'}")
    return 0


def _made(session, options):
    """Pairs, and their seeds ("" for those that have none)."""
    if options.image:
        return _read(session, options), [""]
    return (_interpolated if options.interpolate else _pairs)(session, options)


def _check(options):
    if not options.image and not options.out:
        raise UserError("--out DIR is required: where pictures and captions.csv go.")
    if options.num < 1 or options.beams < 1:
        raise UserError("--num and --beams must be at least 1.")
    if options.seed < 0 or options.seed + options.num > 2**32:
        raise UserError("--seed must be at least 0, and --seed + --num at most 2^32.")
    if options.temperature < 0:
        raise UserError("--temperature must be at least 0.")
    if options.guidance < 0:
        raise UserError("--guidance must be at least 0; 1 is the prior as learned.")
    if options.out and Path(options.out).is_file():
        raise UserError(f"--out {options.out} is a file; name a directory.")


def _read(session, options):
    """The picture as the latent keeps it, and its caption: one of Pairs."""
    from mmvae.data import pictures

    picture = pictures.load(options.image, session.modalities["image"].shape)
    return session.decode(session.encode(image=picture[None])[0], beams=options.beams)


def _pairs(session, options):
    """Pairs of what is given, or of nothing; and their seeds."""
    seeds = range(options.seed, options.seed + options.num)
    given = {name: [value] * options.num for name, value in _given(session, options).items()}
    latents = session.sample_latents(seeds, **_sampling(options, len(given)), **given)
    return session.decode(latents, beams=options.beams), list(seeds)


def _given(session, options):
    """{name: value} of --caption or of --given, pictures read from their files."""
    from mmvae.data import pictures

    texts = {} if options.caption is None else {"caption": options.caption}
    for one in options.given or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise UserError(f"--given {one} must be NAME=VALUE, such as --given caption=TEXT.")
        texts[name] = value
    if "caption" in texts:
        session.check_caption(texts["caption"])
    if "image" in texts:
        texts["image"] = pictures.load(texts["image"], session.modalities["image"].shape)
    return texts


def _sampling(options, given=0):
    """Options of `sample_latents` where so many modalities are given."""
    sampler = options.sampler or ("prior" if given > 1 else "flow")
    return {"sampler": sampler, "temperature": options.temperature, "guidance": options.guidance}


def _interpolated(session, options):
    """Pairs on the way between two latents; they have no seeds of their own."""
    ends = [_end(session, text, options) for text in options.interpolate]
    return session.interpolate(*ends, options.num), [""] * options.num


def _end(session, text, options):
    """Latent [D] of a seed, of a picture file or of a caption."""
    from mmvae.data import pictures

    if text.isascii() and text.isdecimal():
        if int(text) >= 2**32:
            raise UserError(f"--interpolate {text}: a seed is below 2^32.")
        return session.sample_latents([int(text)], **_sampling(options))[0]
    # os.path: the length of a caption is no error to it.
    if os.path.isfile(text) or Path(text).suffix.lower() in _PICTURES:
        picture = pictures.load(text, session.modalities["image"].shape)
        return session.encode(image=picture[None])[0][0]
    session.check_caption(text)
    return session.sample_latents([options.seed], caption=[text], **_sampling(options))[0]


if __name__ == "__main__":
    sys.exit(command_line.run(main))
