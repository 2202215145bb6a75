"""A trained model of pictures and their captions; this file and its folder are all it needs.

    pip install jax flatbuffers numpy sentencepiece pillow
    python run.py generate --num 8 --seed 0 --out new       new pictures with captions
    python run.py draw "big red heart" --num 4 --out drawn  pictures for a caption
    python run.py caption picture.png                       a caption for a picture
    python run.py verify                                    are all files as they were made?

From Python: `from run import Model; model = Model(); images, captions = model.generate([0, 1])`.
"""

import argparse
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import sentencepiece
from jax import export
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
PAD, UNK, EOS = 0, 1, 3
PROGRAMS = ("encode_image", "encode_caption", "decode", "generate")
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")  # decoders that run no program
MAX_PIXELS = 64_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Pairs = tuple[np.ndarray, list[str]]  # pictures and their captions


class Refused(ValueError):
    """A damaged package, or an input that cannot be used; the message says which."""


class Model:
    """The model of a package folder; every file is verified first.

    Its methods take and give NumPy arrays: pictures uint8 [N, H, W, C], latents float32 [N, D].
    """

    def __init__(self, folder: str | Path = HERE) -> None:
        folder = Path(folder)
        self.manifest = verify(folder)
        self.image_shape = tuple(self.manifest["image_shape"])
        self.length = self.manifest["caption_length"]
        self.params = jax.device_put(load_tensors(folder / "weights.safetensors"))
        model = (folder / "tokenizer.model").read_bytes()
        self.tokenizer = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.programs = {
            name: jax.jit(export.deserialize(bytearray(_bytes(folder, name))).call)
            for name in PROGRAMS
        }
        mixture = folder / "mixture.safetensors"
        self.mixture = load_tensors(mixture) if mixture.exists() else None

    def encode_images(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """{"mean", "deviation" [N, D], "vector" [N, E]}; vectors of pictures and captions that
        belong together have a large dot product."""
        return self._call("encode_image", np.asarray(images, np.uint8))

    def encode_captions(self, captions: list[str]) -> dict[str, np.ndarray]:
        """The same of N strings."""
        return self._call("encode_caption", self.ids(captions))

    def decode(self, latents: np.ndarray) -> Pairs:
        """Pictures and captions of latents."""
        return self._pairs(self._call("decode", np.asarray(latents, np.float32)))

    def generate(
        self,
        seeds: Sequence[int],
        captions: list[str] | None = None,
        temperature: float = 1.0,
        sampler: str = "flow",
    ) -> Pairs:
        """Pictures and captions, one for each seed, new or for N given captions.

        `sampler` "flow" is the learned prior; "gmm" a mixture, which is given no captions.

        Raises:
            Refused: "gmm" is given captions, or the package has no mixture.
        """
        if sampler == "gmm":
            if self.mixture is None or captions is not None:
                raise Refused("sampler gmm makes new pairs only, in a package that has a mixture.")
            latents = [_sample_mixture(self.mixture, seed, temperature) for seed in seeds]
            return self.decode(np.stack(latents))
        given = np.full(len(seeds), captions is not None)
        ids = self.ids([""] * len(seeds) if captions is None else captions)
        number = np.float32(temperature)
        return self._pairs(self._call("generate", np.asarray(seeds, np.uint32), number, ids, given))

    def caption(self, images: np.ndarray) -> list[str]:
        """The likeliest captions of pictures."""
        return self.decode(self.encode_images(images)["mean"])[1]

    def picture(self, path: str | Path) -> np.ndarray:
        """Pixels [H, W, C] of a picture file, as the model wants them."""
        return picture(path, self.image_shape)

    def ids(self, captions: list[str]) -> np.ndarray:
        """Token ids int32 [N, L] of captions; "" is all padding."""
        ids = np.full((len(captions), self.length), PAD, np.int32)
        for row, caption in zip(ids, captions):
            pieces = self.tokenizer.encode(caption)[: self.length - 1]
            row[: len(pieces) + bool(pieces)] = [*pieces, EOS] if pieces else []
        return ids

    def knows(self, caption: str) -> bool:
        """Whether a caption has at least one learnt piece."""
        pieces = self.tokenizer.encode(caption)
        learnt = [p for p in pieces if p != UNK and not self.tokenizer.is_byte(p)]
        return any(self.tokenizer.id_to_piece(p).strip("▁") for p in learnt)

    def _call(self, name: str, *inputs) -> dict[str, np.ndarray]:
        return jax.device_get(self.programs[name](self.params, *inputs))

    def _pairs(self, outputs: dict[str, np.ndarray]) -> Pairs:
        rows = [[int(i) for i in row if i not in (PAD, EOS)] for row in outputs["ids"]]
        return outputs["images"], self.tokenizer.decode(rows)


def verify(folder: Path) -> dict:
    """The manifest of a package, once every file is what the manifest says.

    Raises:
        Refused: a file is missing, truncated or changed (named).
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files = {
            name: (known["bytes"], known["sha256"]) for name, known in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{path} is missing or damaged; get the package again.") from error
    for name, (size, digest) in files.items():
        file = folder / name
        if not file.is_file():
            raise Refused(f"{file} is missing; get the package again.")
        if (bytes_there := file.stat().st_size) != size:
            raise Refused(
                f"{file} has {bytes_there} bytes instead of {size}; get the package again."
            )
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise Refused(f"{file} was changed; get the package again.")
    return manifest


def load_tensors(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a safetensors file: a JSON header with offsets, then the numbers."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    kinds = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": jax.numpy.bfloat16, "I32": "i4"}
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (start + offset for offset in entry["data_offsets"])
            flat = np.frombuffer(raw[begin:end], np.dtype(kinds[entry["dtype"]]))
            arrays[name] = flat.reshape(entry["shape"])
    return arrays


def picture(path: str | Path, shape: Sequence[int]) -> np.ndarray:
    """Pixels uint8 [H, W, C] of a picture file: upright, on white, padded to a square.

    Raises:
        Refused: the file is no picture, or is damaged or too large.
    """
    size, _, channels = shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                image = _flat(ImageOps.exif_transpose(image))
    except Exception as error:  # a decoder may raise anything on bytes that are not what they say
        raise Refused(f"{path} cannot be read as a picture: {error}") from error
    image = image.convert("L" if channels == 1 else "RGB")
    image = _fitted(image, size)
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    fill = tuple(int(level) for level in np.atleast_1d(np.median(edges, axis=0)))
    padded = ImageOps.pad(image, (size, size), color=fill if len(fill) > 1 else fill[0])
    return np.asarray(padded).reshape(shape)


def _fitted(image: Image.Image, size: int) -> Image.Image:
    """Picture resized to fit size x size, a very long one to a line: Pillow refuses it."""
    width, height = image.size
    if max(width, height) < 2 * size * min(width, height):
        return ImageOps.contain(image, (size, size), Image.Resampling.LANCZOS)
    return image.resize((size, 1) if width > height else (1, size), Image.Resampling.LANCZOS)


def _flat(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # more than 8 bits a pixel
        return Image.fromarray(_eight_bits(np.asarray(image, np.float64)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "L" else image.convert("RGB")


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255, by the range in use: the bits of whole numbers, [0, 1], or all."""
    low, high = levels.min(), levels.max()
    top = 2.0 ** int(high).bit_length() - 1
    if low >= 0 and high > 1 and not np.mod(levels, 1).any():
        low, high = (low, high) if top / 100 < high - low < top / 8 else (0, top)
    elif low >= 0 and 0.5 < high <= 1:
        low, high = 0, 1
    scaled = (levels - low) * 255 / (high - low or 1) + 1e-3
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _sample_mixture(mixture: dict[str, np.ndarray], seed: int, temperature: float) -> np.ndarray:
    """Latent [D] of a mixture of Gaussians over principal directions."""
    random = np.random.default_rng(int(seed))
    k = random.choice(len(mixture["weights"]), p=mixture["weights"])
    noise = random.standard_normal(mixture["factors"].shape[-1], np.float32)
    low = mixture["means"][k] + temperature * mixture["factors"][k] @ noise
    rest = temperature * mixture["rest"] * random.standard_normal(len(mixture["rest"]), np.float32)
    return mixture["mean"] + mixture["directions"] @ low + rest


def _bytes(folder: Path, name: str) -> bytes:
    return (folder / "programs" / f"{name}.jaxexport").read_bytes()


def _write(images: np.ndarray, captions: list[str], seeds: Sequence[int], folder: str) -> None:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for image, caption, seed in zip(images, captions, seeds):
        name = f"{seed:06d}.png"
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        picture.save(folder / f"{name}.partial", "PNG")
        os.replace(folder / f"{name}.partial", folder / name)  # whole, or as it was
        lines.append(f"{name}\t{caption}")
    table = folder / "captions.tsv.partial"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(table, table.with_suffix(""))
    print("\n".join(lines))


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("verify")
    commands.add_parser("caption").add_argument("file", nargs="+")
    generate, draw = commands.add_parser("generate"), commands.add_parser("draw")
    draw.add_argument("caption")
    generate.add_argument("--sampler", choices=["flow", "gmm"], default="flow")
    for command in (generate, draw):
        command.add_argument("--num", type=int, default=8)
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--temperature", type=float, default=1.0)
        command.add_argument("--out", required=True)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code.

    Raises:
        Refused: a damaged package, or an input that cannot be used.
    """
    options = _options(argv)
    if options.command == "verify":
        print(f"{len(verify(HERE)['files'])} files are as they were made")
        return 0
    model = Model()
    if options.command == "caption":
        for file in options.file:
            print(f"{file}\t{model.caption(model.picture(file)[None])[0]}")
        return 0
    if options.num < 1 or options.seed < 0 or options.seed + options.num > 2**32:
        raise Refused("--num must be at least 1, and --seed from 0 to 2^32.")
    seeds = range(options.seed, options.seed + options.num)
    if options.command == "draw":
        if not model.knows(options.caption):
            raise Refused(f"the caption {options.caption!r} has no piece that this model knows.")
        captions = [options.caption] * options.num
        pairs = model.generate(seeds, captions, options.temperature)
    else:
        pairs = model.generate(seeds, None, options.temperature, options.sampler)
    _write(*pairs, seeds, options.out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as error:
        sys.exit(f"error: {error}")
