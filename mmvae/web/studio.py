"""What the demo does, without a web page: checked inputs in, cards out.

A start (of an exploration, an end of an interpolation) is a seed, a caption, or the bytes of a
picture file.
"""

import io
from dataclasses import dataclass

import numpy as np

from mmvae.data import pictures
from mmvae.errors import UserError
from mmvae.inference.pairs import write_motion
from mmvae.inference.session import SAMPLERS
from mmvae.web import limits
from mmvae.web.directions import Directions


@dataclass(frozen=True)
class Card:
    """A picture and its caption as the demo shows them.

    Attributes:
        image: uint8 [H, W, C].
        caption: what the model writes for it.
        agreement: cosine of the picture and a caption, -1 to 1; which one, says `asked`.
        seed: what the latent was drawn with, or None.
        settings: what else is needed to make it again.
        asked: the caption that was asked for, or "" when the model wrote its own.
    """

    image: np.ndarray
    caption: str
    agreement: float
    seed: int | None
    settings: dict
    asked: str = ""


class Studio:
    """The verbs of the demo over a Session.

    Args:
        session: an `inference.Session`.
        training: a `training.Training`, or None where the training pairs are not at hand.
        about: Markdown about the model.
    """

    def __init__(self, session, training, about):
        self.session, self.training, self.about = session, training, about
        aggregate = session.aggregate
        self.directions = None if aggregate is None else Directions.of(aggregate)
        self.samplers = [name for name in SAMPLERS if name != "gmm" or aggregate is not None]

    def generate(self, num, seed, temperature, sampler):
        """`num` new cards with the seeds from `seed` on."""
        num = limits.number(num, 1, limits.CARDS, "the number")
        seed, temperature = limits.seed(seed), limits.temperature(temperature)
        seeds = [seed + i for i in range(num)]
        latents = self.session.sample_latents(seeds, sampler=sampler, temperature=temperature)
        return self._cards(
            self.session.decode(latents), seeds, {"temperature": temperature, "sampler": sampler}
        )

    def draw(self, caption, num, seed, temperature):
        """`num` cards drawn for a caption, those that agree with it best first."""
        caption = self._caption(caption)
        num = limits.number(num, 1, limits.CARDS, "the number")
        seed, temperature = limits.seed(seed), limits.temperature(temperature)
        seeds = [seed + i for i in range(num)]
        latents = self.session.sample_latents(
            seeds, caption=[caption] * num, temperature=temperature
        )
        settings = {"asked": caption, "temperature": temperature}
        cards = self._cards(self.session.decode(latents), seeds, settings, caption)
        return sorted(cards, key=lambda card: -card.agreement)

    def caption(self, picture, num, seed, temperature):
        """([(caption, agreement, score)], card, pixels) of a picture file's bytes: captions, those
        that agree with it best first; the picture as the latent keeps it, and as the model sees it.

        The first one tried is the likeliest; the others are drawn at `temperature`.
        """
        num = limits.number(num, 1, limits.CAPTIONS, "the number")
        seed, temperature = limits.seed(seed), limits.temperature(temperature)
        pixels = self.picture(picture)
        latents = self.session.encode(image=pixels[None])[0]
        (likeliest,), (score,) = self.session.write(latents, beams=4)
        found = {likeliest: float(score)}
        if num > 1 and temperature > 0:
            seeds = seed + np.arange(num - 1)
            repeated = np.repeat(latents, num - 1, axis=0)
            drawn = self.session.write(repeated, seeds=seeds, temperature=temperature)
            found = dict(zip(*drawn)) | found
        agreements = self._agreements(np.repeat(pixels[None], len(found), axis=0), list(found))
        rows = [(c, float(a), float(s)) for (c, s), a in zip(found.items(), agreements)]
        (card,) = self._cards(self.session.decode(latents), [None], {})
        return sorted(rows, key=lambda row: -row[1]), card, pixels

    def explore(self, start, places):
        """The card at `places` along the principal directions, moved there from a start.

        `places` are in standard deviations; None is where the start lies. Also returns where the
        card lies, within what places may be.
        """
        directions = self._explorable()
        latent = self.latent(start)
        if places is not None:
            latent = directions.moved(latent, limits.places(places, directions))
        pairs = self.session.decode(latent[None])
        (card,) = self._cards(pairs, [None], {"latent": latent.tolist()})
        return card, np.clip(directions.places(latent), -directions.REACH, directions.REACH)

    def interpolate(self, start, end, steps):
        """(cards, bytes of a GIF with captions) on the way from a start to another."""
        steps = limits.number(steps, *limits.FRAMES, "the number of steps")
        pairs = self.session.interpolate(self.latent(start), self.latent(end), steps)
        motion = io.BytesIO()
        write_motion(pairs, motion)
        return self._cards(pairs, [None] * steps, {}), motion.getvalue()

    def copying(self, num, seed, temperature, sampler):
        """[(card, its nearest training pairs)] of new cards; see `Training.nearest`."""
        if self.training is None:
            raise UserError(
                "the training pairs are not on this machine; start the demo with --data DATASET."
            )
        cards = self.generate(num, seed, temperature, sampler)
        nearest = self.training.nearest(np.stack([card.image for card in cards]))
        return list(zip(cards, nearest))

    def latent(self, start):
        """Latent [D] of a start: an int, a string (a seed when it is digits), or bytes."""
        if isinstance(start, bytes):
            return self.session.encode(image=self.picture(start)[None])[0][0]
        if isinstance(start, str) and start.strip().isdecimal() and len(start) < 12:
            start = int(start)
        if isinstance(start, int):
            return self.session.sample_latents([limits.seed(start)])[0]
        caption = self._caption(start)
        return self.session.sample_latents([0], caption=[caption])[0]

    def picture(self, raw):
        """Pixels [H, W, C] of the bytes of a picture file."""
        if not raw:
            raise UserError("give a picture first.")
        if len(raw) > limits.UPLOAD:
            raise UserError(f"the picture has more than {limits.UPLOAD >> 20} MB.")
        return pictures.load(raw, self.session.shapes["image"])

    def warm_up(self):
        """Compile everything once; later calls only compute."""
        session = self.session
        for sampler in self.samplers:
            session.sample_latents([0], sampler=sampler)
        blank = np.zeros((1, *session.shapes["image"]), np.uint8)
        latents = session.encode(image=blank)[0]
        session.write(latents, temperature=1.0)
        session.write(latents, beams=4)
        self._cards(session.decode(latents), [None], {})

    def _caption(self, caption):
        caption = limits.text(caption)
        self.session.check_caption(caption)
        return caption

    def _explorable(self):
        if self.directions is None:
            raise UserError(
                "this checkpoint has no fitted aggregate posterior; training fits it when it ends."
            )
        return self.directions

    def _cards(self, pairs, seeds, settings, asked=""):
        captions = [asked] * len(seeds) if asked else pairs.captions
        agreements = self._agreements(pairs.images, captions)
        settings = {"checkpoint": self.session.step} | settings
        return [
            Card(image, caption, float(agreement), seed, settings, asked)
            for image, caption, agreement, seed in zip(
                pairs.images, pairs.captions, agreements, seeds
            )
        ]

    def _agreements(self, images, captions):
        """Cosines [N] of pictures and captions, by the vectors that retrieval uses."""
        left, right = self.session.project(image=images), self.session.project(caption=captions)
        return np.sum(left * right, axis=1)
