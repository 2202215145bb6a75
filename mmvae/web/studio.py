"""What the demo does, without a web page: checked inputs in, cards out.

A start (of an exploration, an end of an interpolation) is a seed, a caption, or the bytes of a
picture file.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from mmvae.data import pictures
from mmvae.errors import UserError
from mmvae.inference.pairs import Pairs, write_motion
from mmvae.inference.samplers import SAMPLERS
from mmvae.inference.session import Session
from mmvae.web import limits
from mmvae.web.directions import Directions
from mmvae.web.nearest import Neighbour, Training

Start = int | str | bytes


@dataclass(frozen=True)
class Card:
    """A picture and its caption as the demo shows them.

    Attributes:
        image: the picture.
        caption: what the model writes for it.
        agreement: cosine of the picture and a caption, -1 to 1: of the prompt where there is one.
        seed: what the latent was sampled with, or None.
        settings: what else is needed to make it again.
        prompt: the caption that the picture was made for, or "".
    """

    image: UInt8[np.ndarray, "H W C"]
    caption: str
    agreement: float
    seed: int | None
    settings: dict[str, Any]
    prompt: str = ""


class WrittenCaption(NamedTuple):
    """A caption of a picture: how well it agrees, and its mean log-probability a token, nats."""

    text: str
    agreement: float
    score: float


class Captioned(NamedTuple):
    """Captions of a picture, best agreement first; the picture as its latent keeps it, and as the
    model sees it."""

    captions: list[WrittenCaption]
    reconstruction: Card
    pixels: UInt8[np.ndarray, "H W C"]


class Studio:
    """The verbs of the demo over a Session.

    Args:
        session: a trained model.
        training: the training pairs, or None where they are not at hand.
        about: Markdown about the model.
    """

    def __init__(self, session: Session, training: Training | None, about: str) -> None:
        self.session, self.training, self.about = session, training, about
        aggregate = session.aggregate
        self.directions = None if aggregate is None else Directions.of(aggregate)
        self.samplers = [name for name in SAMPLERS if name != "gmm" or aggregate is not None]

    def generate(self, num: int, seed: int, temperature: float, sampler: str) -> list[Card]:
        """`num` new cards with the seeds from `seed` on."""
        seeds = _seeds(num, seed)
        temperature = limits.temperature(temperature)
        latents = self.session.sample_latents(seeds, sampler=sampler, temperature=temperature)
        settings = {"temperature": temperature, "sampler": sampler}
        return self._cards(self.session.decode(latents, seeds=seeds), seeds, settings)

    def caption_to_image(self, caption: str, num: int, seed: int, temperature: float) -> list[Card]:
        """`num` cards for a caption, those that agree with it best first."""
        caption = self._caption(caption)
        seeds = _seeds(num, seed)
        temperature = limits.temperature(temperature)
        latents = self.session.sample_latents(
            seeds, caption=[caption] * len(seeds), temperature=temperature
        )
        settings = {"prompt": caption, "temperature": temperature}
        pairs = self.session.decode(latents, seeds=seeds)
        cards = self._cards(pairs, seeds, settings, caption)
        return sorted(cards, key=lambda card: -card.agreement)

    def image_to_caption(
        self, picture: bytes | None, num: int, seed: int, temperature: float
    ) -> Captioned:
        """Up to `num` captions of a picture file's bytes, those that agree with it best first.

        The first one tried is the likeliest; the others are sampled at `temperature`.
        """
        num = limits.number(num, 1, limits.CAPTIONS, "the number")
        seed, temperature = limits.seed(seed), limits.temperature(temperature)
        pixels = self.picture(picture)
        latents = self.session.encode(image=pixels[None])[0]
        (likeliest,), (score,) = self.session.decode_captions(latents, beams=4)
        scores = {likeliest: float(score)}
        if num > 1 and temperature > 0:
            seeds = seed + np.arange(num - 1)
            repeated = np.repeat(latents, num - 1, axis=0)
            sampled = self.session.decode_captions(repeated, seeds=seeds, temperature=temperature)
            scores = dict(zip(*sampled)) | scores
        agreements = self._agreements(np.repeat(pixels[None], len(scores), axis=0), list(scores))
        captions = [
            WrittenCaption(text, float(agreement), float(score))
            for (text, score), agreement in zip(scores.items(), agreements)
        ]
        (card,) = self._cards(self.session.decode(latents, seeds=[seed]), [None], {})
        return Captioned(sorted(captions, key=lambda one: -one.agreement), card, pixels)

    def explore(
        self, start: Start, places: Sequence[float] | None
    ) -> tuple[Card, Float[np.ndarray, " n"]]:
        """The card at `places` along the principal directions, moved there from a start.

        `places` are in standard deviations; None is where the start lies. Also returns where the
        card lies, within what places may be.
        """
        directions = self._explorable()
        latent = self.latent(start)
        if places is not None:
            places = limits.places(places, directions.count, directions.REACH)
            latent = directions.moved(latent, places)
        pairs = self.session.decode(latent[None], seeds=[0])
        (card,) = self._cards(pairs, [None], {"latent": latent.tolist()})
        return card, np.clip(directions.places(latent), -directions.REACH, directions.REACH)

    def interpolate(self, start: Start, end: Start, steps: int) -> tuple[list[Card], bytes]:
        """Cards on the way from a start to another, and the bytes of a GIF with captions."""
        steps = limits.number(steps, *limits.FRAMES, "the number of steps")
        pairs = self.session.interpolate(self.latent(start), self.latent(end), steps)
        motion = io.BytesIO()
        write_motion(pairs, motion)
        return self._cards(pairs, [None] * steps, {}), motion.getvalue()

    def copying(
        self, num: int, seed: int, temperature: float, sampler: str
    ) -> list[tuple[Card, list[Neighbour]]]:
        """New cards, each with its nearest training pairs.

        Raises:
            UserError: the training pairs are not at hand.
        """
        if self.training is None:
            raise UserError(
                "the training pairs are not on this machine; start the demo with --data DATASET."
            )
        cards = self.generate(num, seed, temperature, sampler)
        nearest = self.training.nearest(np.stack([card.image for card in cards]))
        return list(zip(cards, nearest))

    def latent(self, start: Start) -> Float[np.ndarray, " D"]:
        """The latent of a start: an int, a string (a seed when it is digits), or bytes."""
        if isinstance(start, bytes):
            return self.session.encode(image=self.picture(start)[None])[0][0]
        if isinstance(start, str) and start.strip().isdecimal() and len(start) < 12:
            start = int(start)
        if isinstance(start, int):
            return self.session.sample_latents([limits.seed(start)])[0]
        caption = self._caption(start)
        return self.session.sample_latents([0], caption=[caption])[0]

    def picture(self, raw: bytes | None) -> UInt8[np.ndarray, "H W C"]:
        """Pixels of the bytes of a picture file, as the model sees them.

        Raises:
            UserError: there is none, it is too large, or no picture.
        """
        if not raw:
            raise UserError("give a picture first.")
        if len(raw) > limits.UPLOAD:
            raise UserError(f"the picture has more than {limits.UPLOAD >> 20} MB.")
        return pictures.load(raw, self.session.modalities["image"].shape)

    def warm_up(self) -> None:
        """Compile everything once; later calls only compute."""
        session = self.session
        for sampler in self.samplers:
            session.sample_latents([0], sampler=sampler)
        blank = np.zeros((1, *session.modalities["image"].shape), np.uint8)
        latents = session.encode(image=blank)[0]
        session.decode_captions(latents, temperature=1.0)
        session.decode_captions(latents, beams=4)
        self._cards(session.decode(latents, seeds=[0]), [None], {})

    def _caption(self, caption: str) -> str:
        caption = limits.text(caption)
        self.session.check_caption(caption)
        return caption

    def _explorable(self) -> Directions:
        if self.directions is None:
            raise UserError(
                "this checkpoint has no fitted aggregate posterior; training fits it when it ends."
            )
        return self.directions

    def _cards(
        self, pairs: Pairs, seeds: Sequence[int | None], settings: dict[str, Any], prompt: str = ""
    ) -> list[Card]:
        captions = [prompt] * len(seeds) if prompt else pairs.captions
        agreements = self._agreements(pairs.images, captions)
        settings = {"checkpoint": self.session.step} | settings
        return [
            Card(image, caption, float(agreement), seed, settings, prompt)
            for image, caption, agreement, seed in zip(
                pairs.images, pairs.captions, agreements, seeds
            )
        ]

    def _agreements(
        self, images: UInt8[np.ndarray, "N H W C"], captions: list[str]
    ) -> Float[np.ndarray, " N"]:
        """Cosines of pictures and captions, by the vectors that retrieval uses."""
        left, right = self.session.project(image=images), self.session.project(caption=captions)
        return np.sum(left * right, axis=1)


def _seeds(num: int, seed: int) -> list[int]:
    """As many seeds as cards are wanted, from `seed` on."""
    num, seed = limits.number(num, 1, limits.CARDS, "the number"), limits.seed(seed)
    return [seed + place for place in range(num)]
