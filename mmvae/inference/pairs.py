"""Pictures and captions of the same latents, and their files."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, UInt8

from mmvae.data.contact_sheet import contact_sheet, to_picture
from mmvae.errors import UserError
from mmvae.files import whole

PAIR = ("image", "caption")  # the modalities that every run has
_FRAME_MS = 120  # of the GIF


@dataclass(frozen=True)
class Pairs:
    """Pictures and captions of the same latents.

    Attributes:
        images: uint8 [N, H, W, C].
        captions: N strings.
        scores: mean log-probability per token of each caption [N], nats.
        latents: float32 [N, D].
        others: {name: N strings} of the model's other modalities.
    """

    images: UInt8[np.ndarray, "N H W C"]
    captions: list[str]
    scores: Float[np.ndarray, " N"]
    latents: Float[np.ndarray, "N D"]
    others: dict[str, list[str]] = field(default_factory=dict)


class PairVerbs:
    """What a Session does with pictures and captions: its general verbs, by their names."""

    def decode_images(
        self, latents: Float[np.ndarray, "N D"], seeds: Sequence[int] | None = None
    ) -> UInt8[np.ndarray, "N H W C"]:
        """Pictures of latents: the mean ones, or sampled with a seed for each.

        A decoder of the mean alone gives the same for both.
        """
        return self.decode_as("image", latents, seeds)

    def decode_captions(
        self, latents: Float[np.ndarray, "N D"], **options: Any
    ) -> tuple[list[str], Float[np.ndarray, " N"]]:
        """Captions of latents and their scores; `options` are those of `Session.write`."""
        return self.write("caption", latents, **options)

    def decode(
        self,
        latents: Float[np.ndarray, "N D"],
        beams: int = 1,
        seeds: Sequence[int] | None = None,
    ) -> Pairs:
        """Pairs of latents: pictures as in `decode_images`, and the likeliest captions."""
        captions, scores = self.decode_captions(latents, beams=beams)
        names = [name for name in self.modalities if name not in ("image", "caption")]
        others = {name: self.decode_as(name, latents) for name in names}
        return Pairs(self.decode_images(latents, seeds), captions, scores, latents, others)

    def generate(
        self, n: int, seed: int = 0, temperature: float = 1.0, sampler: str = "flow"
    ) -> Pairs:
        """`n` new Pairs; pair i has seed `seed` + i, whatever `n` is."""
        seeds = seed + np.arange(n)
        latents = self.sample_latents(seeds, sampler=sampler, temperature=temperature)
        return self.decode(latents, seeds=seeds)

    def caption(self, image: UInt8[np.ndarray, "N H W C"], **options: Any) -> list[str]:
        """Captions of pictures; `options` are those of `Session.write`."""
        return self.decode_captions(self.encode(image=image)[0], **options)[0]

    def sample_images(
        self, caption: Sequence[str], seed: int = 0, **options: Any
    ) -> UInt8[np.ndarray, "N H W C"]:
        """Pictures for N captions; picture i has seed `seed` + i.

        `options` are those of `Session.sample_latents`.
        """
        seeds = seed + np.arange(len(caption))
        return self.decode_images(self.sample_latents(seeds, caption=caption, **options), seeds)

    def interpolate(
        self, a: Float[np.ndarray, " D"], b: Float[np.ndarray, " D"], steps: int
    ) -> Pairs:
        """Pairs along the arc from latent `a` to `b`, both included."""
        return self.decode(slerp(a, b, steps), seeds=[0] * steps)  # one noise: no flicker

    def check_caption(self, caption: str) -> None:
        """Refuse a caption that this run's vocabulary knows nothing of.

        Raises:
            UserError: every character of it is unknown.
        """
        if not self.tokenizer.knows(caption):
            raise UserError(
                f"the caption {caption!r} has no characters that this run's vocabulary knows."
            )


def write(pairs: Pairs, seeds: Sequence[int | str], directory: Path) -> None:
    """PNG files, `captions.csv` (file, seed, caption, score, others) and `contact_sheet.png`.

    A seed is "" for a pair that has none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, seed in enumerate(seeds):
        name = f"{i if seed == '' else seed:06d}.png"
        _save(to_picture(pairs.images[i]), directory / name)
        others = [texts[i] for texts in pairs.others.values()]
        rows.append((name, seed, pairs.captions[i], f"{pairs.scores[i]:.4f}", *others))
    columns = ("file", "seed", "caption", "score", *pairs.others)
    with whole(directory / "captions.csv") as partial:
        with partial.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])
    _save(contact_sheet(pairs.images, pairs.captions), directory / "contact_sheet.png")


def write_way(pairs: Pairs, directory: Path) -> None:
    """`interpolation.gif` and `strip.png`."""
    with whole(directory / "interpolation.gif") as partial:
        write_motion(pairs, partial)
    strip = contact_sheet(pairs.images, pairs.captions, columns=len(pairs.images))
    _save(strip, directory / "strip.png")


def write_motion(pairs: Pairs, file: Path | BinaryIO) -> None:
    """A GIF of pairs there and back, each frame with its caption; `file` is a path or open."""
    frames = [
        contact_sheet(image[None], [text])
        for image, text in zip(pairs.images, pairs.captions, strict=True)
    ]
    there_and_back = frames + frames[-2:0:-1]
    there_and_back[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=there_and_back[1:],
        duration=_FRAME_MS,
        loop=0,
    )


def _save(picture, path):
    with whole(path) as partial:
        picture.save(partial, "PNG")


def slerp(
    start: Float[np.ndarray, " D"], end: Float[np.ndarray, " D"], steps: int
) -> Float[np.ndarray, "S D"]:
    """`steps` points on the arc between two vectors, lengths interpolated.

    The norm of high-dimensional Gaussian draws is nearly constant; straight lines leave that
    shell (White 2016).
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    angle = np.arccos(np.clip(start @ end / (lengths[0] * lengths[1] + 1e-12), -1.0, 1.0))
    share = np.linspace(0.0, 1.0, steps)[:, None]
    if angle < 1e-4 or min(lengths) < 1e-6:  # no arc, or an end without a direction
        return ((1 - share) * start + share * end).astype(np.float32)
    arc = (
        np.sin((1 - share) * angle) * start / lengths[0] + np.sin(share * angle) * end / lengths[1]
    ) / np.sin(angle)
    return (((1 - share) * lengths[0] + share * lengths[1]) * arc).astype(np.float32)
