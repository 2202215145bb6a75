"""Pairs as a command line asks for them: by seeds, by what is given, on the way between two."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from mmvae.data import pictures
from mmvae.errors import UserError
from mmvae.inference.latents import GUIDANCE
from mmvae.inference.pairs import PAIR, Pairs
from mmvae.inference.session import Session

_IMAGE, _CAPTION = PAIR
_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_MOST_SEEDS = 2**32


@dataclass(frozen=True)
class Request:
    """What is asked for. A picture is given as its file, anything else as its text.

    Attributes:
        num: how many pairs, or steps between two.
        seed: of the first pair; the others follow.
        given: {name of a modality: text}.
        sampler: its name, or None for the one that suits what is given.
        temperature: of the noise.
        guidance: of the flow.
        beams: hypotheses of the caption search.
    """

    num: int = 1
    seed: int = 0
    given: Mapping[str, str] = field(default_factory=dict)
    sampler: str | None = None
    temperature: float = 1.0
    guidance: float = GUIDANCE
    beams: int = 1

    def sampling(self) -> dict[str, Any]:
        """Options of `Session.sample_latents`."""
        sampler = self.sampler or ("prior" if len(self.given) > 1 else "flow")
        return {"sampler": sampler, "temperature": self.temperature, "guidance": self.guidance}


def described(session: Session, picture: str | Path, request: Request) -> Pairs:
    """A picture file as the latent keeps it, and its caption: one pair.

    Raises:
        UserError: there is no such picture.
    """
    latents = _of_picture(session, picture)
    return session.decode(latents, beams=request.beams, seeds=[request.seed])


def made(session: Session, request: Request) -> tuple[Pairs, list[int]]:
    """Pairs of what is given, or of nothing, and their seeds.

    Raises:
        UserError: something given cannot be read, or the sampler cannot do this.
    """
    seeds = range(request.seed, request.seed + request.num)
    given = {name: [value] * request.num for name, value in _read(session, request.given).items()}
    latents = session.sample_latents(seeds, **request.sampling(), **given)
    return session.decode(latents, beams=request.beams, seeds=seeds), list(seeds)


def between(session: Session, ends: Sequence[str], request: Request) -> Pairs:
    """Pairs on the way between two ends, each a seed, a picture file or a caption.

    Raises:
        UserError: an end is none of these.
    """
    return session.interpolate(*(_end(session, end, request) for end in ends), request.num)


def _read(session, given):
    """{name: value} for the session, pictures read from their files."""
    values = dict(given)
    if _CAPTION in values:
        session.check_caption(values[_CAPTION])
    if _IMAGE in values:
        values[_IMAGE] = pictures.load(values[_IMAGE], session.modalities[_IMAGE].shape)
    return values


def _end(session, text, request) -> Float[np.ndarray, " D"]:
    if text.isascii() and text.isdecimal():
        if int(text) >= _MOST_SEEDS:
            raise UserError(f"--interpolate {text}: a seed is below 2^32.")
        return session.sample_latents([int(text)], **request.sampling())[0]
    # os.path: the length of a caption is no error to it.
    if os.path.isfile(text) or Path(text).suffix.lower() in _PICTURES:
        return _of_picture(session, text)[0]
    session.check_caption(text)
    given = {_CAPTION: [text]}
    return session.sample_latents([request.seed], **request.sampling(), **given)[0]


def _of_picture(session, file):
    """The mean of its posterior [1, D]."""
    picture = pictures.load(file, session.modalities[_IMAGE].shape)
    return session.encode(**{_IMAGE: picture[None]})[0]
