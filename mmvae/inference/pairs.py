"""Pictures and captions of the same latents, and their files."""

import csv
from dataclasses import dataclass

import numpy as np

from mmvae.data.contact_sheet import contact_sheet, to_picture

_FRAME_MS = 120  # of the GIF


@dataclass(frozen=True)
class Pairs:
    """Pictures and captions of the same latents.

    Attributes:
        images: uint8 [N, H, W, C].
        captions: N strings.
        scores: mean log-probability per token of each caption [N], nats.
        latents: float32 [N, D].
    """

    images: np.ndarray
    captions: list[str]
    scores: np.ndarray
    latents: np.ndarray


def write(pairs, seeds, directory):
    """PNG files, `captions.csv` (file, seed, caption, score) and `contact_sheet.png`."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, seed in enumerate(seeds):
        name = f"{i if seed == '' else seed:06d}.png"
        to_picture(pairs.images[i]).save(directory / name)
        rows.append((name, seed, pairs.captions[i], f"{pairs.scores[i]:.4f}"))
    with (directory / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "seed", "caption", "score"), *rows])
    contact_sheet(pairs.images, pairs.captions).save(directory / "contact_sheet.png")


def write_way(pairs, directory):
    """`interpolation.gif` and `strip.png`."""
    write_motion(pairs, directory / "interpolation.gif")
    strip = contact_sheet(pairs.images, pairs.captions, columns=len(pairs.images))
    strip.save(directory / "strip.png")


def write_motion(pairs, file):
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
