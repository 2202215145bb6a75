"""Package a run: `python -m mmvae.export --workdir RUN --out DIR`.

DIR runs without this code base: weights (safetensors), programs for CPU, CUDA and TPU with any
batch size, tokenizer, samplers, MODEL_CARD.md, samples, checksums, and run.py, which needs only
jax with flatbuffers, numpy, sentencepiece and pillow.
"""

import hashlib
import sys
from pathlib import Path

from mmvae import command_line

_EXAMPLES = """examples:
  python -m mmvae.export --workdir runs/quickstart --out packages/sprites
  python -m mmvae.export --workdir runs/quickstart --out packages/sprites --licence CC-BY-4.0
  python packages/sprites/run.py generate --num 8 --out new
"""


def main(argv: list[str]) -> int:
    """Export a run's checkpoint; prints where it is and how to use it."""
    parser = command_line.Parser(
        prog="python -m mmvae.export", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--out", required=True, help="the directory to make")
    parser.add_argument(
        "--licence", default="", metavar="NAME", help="of the weights, for the model card"
    )
    options = parser.parse_args(argv)
    from mmvae.inference.session import Session
    from mmvae.packaging import package

    session = Session.load(options.workdir, options.checkpoint)
    out = Path(options.out)
    manifest = package.write(session, Path(options.workdir), out, options.licence)
    size = sum(file["bytes"] for file in manifest["files"].values())
    digest = hashlib.sha256((out / package.MANIFEST).read_bytes()).hexdigest()
    print(f"{len(manifest['files'])} files, {size / 1e6:.1f} MB, in {out}")
    print(f"SHA-256 of its manifest.json, to publish beside it: {digest}")
    print(f"try: python {out / 'run.py'} generate --num 8 --out new")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
