"""New pairs, captions and pictures: `python -m mmvae.generate --workdir RUN --out DIR`."""

import csv
import sys
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.generate --workdir runs/quickstart --num 16 --seed 0 --out generated
  python -m mmvae.generate --workdir runs/quickstart --caption "big red heart" --out drawn
  python -m mmvae.generate --workdir runs/quickstart --image picture.png
"""


def main(argv):
    """Parse flags; write pairs into a directory, or print the caption of a picture."""
    parser = command_line.Parser(
        prog="python -m mmvae.generate", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--num", type=int, default=16, help="how many pairs or pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the first one; the others follow")
    parser.add_argument("--temperature", type=float, default=1.0, help="scale of the noise")
    parser.add_argument("--sampler", default="flow", help="flow (the learned prior) or normal")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--caption", help="draw pictures for this caption")
    what.add_argument("--image", help="write a caption for this picture file")
    parser.add_argument("--out", help="the directory to write pictures and captions.csv to")
    options = parser.parse_args(argv)
    if not options.image and not options.out:
        raise UserError("--out DIR is required: where pictures and captions.csv go.")
    from mmvae.inference import Session

    session = Session.load(options.workdir, options.checkpoint)
    if options.image:
        print(session.caption(read_picture(options.image, session))[0])
        return 0
    pairs = _pairs(session, options)
    write(pairs, options.seed, Path(options.out))
    print(f"{len(pairs.images)} pairs in {options.out}; look at {options.out}/contact_sheet.png")
    return 0


def _pairs(session, options):
    seeds = options.seed + _arange(options.num)
    captions = [options.caption] * options.num if options.caption else None
    if captions and not session.ids(captions[:1])[0, 0]:
        raise UserError(f"--caption {options.caption!r} has no characters that can be read.")
    latents = session.sample_latents(
        seeds, captions=captions, sampler=options.sampler, temperature=options.temperature
    )
    return session.decode(latents)


def _arange(num):
    import numpy as np

    return np.arange(num)


def read_picture(path, session):
    """A picture file as the model sees it: uint8 [1, H, W, C].

    Raises:
        UserError: the file is missing or no picture.
    """
    import numpy as np
    from PIL import Image, ImageOps

    height, width, channels = session.shapes["image"]
    try:
        picture = ImageOps.exif_transpose(Image.open(path))
        picture = picture.convert("L" if channels == 1 else "RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise UserError(f"--image {path} cannot be read as a picture: {error}.") from error
    picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color="white")
    return np.asarray(picture).reshape(1, height, width, channels)


def write(pairs, seed, directory):
    """PNG files, `captions.csv` (file, seed, caption, score) and `contact_sheet.png`."""
    from mmvae.contact_sheet import contact_sheet, to_picture

    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, (image, text, score) in enumerate(
        zip(pairs.images, pairs.captions, pairs.scores, strict=True)
    ):
        name = f"{seed + i:06d}.png"
        to_picture(image).save(directory / name)
        rows.append((name, seed + i, text, f"{score:.4f}"))
    with (directory / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "seed", "caption", "score"), *rows])
    contact_sheet(pairs.images, pairs.captions).save(directory / "contact_sheet.png")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
