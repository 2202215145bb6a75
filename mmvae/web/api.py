"""The endpoints for programs: one for each tab, JSON in and out, pictures as base64 text.

docs/demo.md has an example of each. The functions' types and docstrings are what visitors see
under "Use via API".
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import gradio as gr

from mmvae.errors import UserError
from mmvae.web import cards
from mmvae.web.nearest import Neighbour
from mmvae.web.studio import Card, Studio


def register(studio: Studio, shown: Callable[[Callable], Callable], **options: Any) -> None:
    """Add the endpoints to the Blocks that are being built.

    `shown` wraps a handler so that UserErrors reach the caller; `options` are of `gr.api`.
    """
    for function in endpoints(studio):
        gr.api(shown(function), api_name=function.__name__, **options)


def endpoints(studio: Studio) -> list[Callable]:
    """The functions, in the order of the tabs."""

    def generate(
        num: int = 4, seed: int = 0, temperature: float = 1.0, sampler: str = "flow"
    ) -> list[dict]:
        """New pairs: [{image, caption, agreement, seed, ...}]; images are PNG files in base64."""
        return [_json(card) for card in studio.generate(num, seed, temperature, sampler)]

    def draw(caption: str, num: int = 4, seed: int = 0, temperature: float = 1.0) -> list[dict]:
        """Pictures for a caption, those that agree with it best first."""
        return [_json(card) for card in studio.caption_to_image(caption, num, seed, temperature)]

    def caption(picture: str, num: int = 4, seed: int = 0, temperature: float = 0.8) -> dict:
        """Captions for a picture file in base64, best first; and its reconstruction."""
        captioned = studio.image_to_caption(_decoded(picture), num, seed, temperature)
        names = ("caption", "agreement", "score")
        rows = [dict(zip(names, written)) for written in captioned.captions]
        image = captioned.reconstruction.image
        return {"captions": rows, "reconstruction": _text(cards.png(image))}

    def explore(start: str, places: list[float] | None = None) -> dict:
        """The pair at places along the principal directions, moved there from a start.

        A start is a seed in digits, a caption, or a picture file as a data: URL.
        """
        card, reached = studio.explore(_start(start), places)
        return _json(card) | {"places": reached.tolist()}

    def interpolate(start: str, end: str, steps: int = 8) -> dict:
        """Pairs on the way from a start to another, and a GIF file in base64."""
        between, gif = studio.interpolate(_start(start), _start(end), steps)
        return {"pairs": [_json(card) for card in between], "gif": _text(gif)}

    def copying(
        num: int = 4, seed: int = 0, temperature: float = 1.0, sampler: str = "flow"
    ) -> list[dict]:
        """New pairs, each with its three nearest training pairs."""
        return [
            _json(card) | {"nearest": [_neighbour(pair) for pair in nearest]}
            for card, nearest in studio.copying(num, seed, temperature, sampler)
        ]

    def about() -> str:
        """The model card, Markdown."""
        return studio.about

    return [generate, draw, caption, explore, interpolate, copying, about]


def _json(card: Card) -> dict[str, Any]:
    return cards.record(card) | {"image": _text(cards.png(card.image))}


def _neighbour(pair: Neighbour) -> dict[str, Any]:
    facts = {"caption": pair.caption, "distance": pair.distance, "closer": pair.closer}
    return {"image": _text(cards.png(pair.image))} | facts


def _start(text: str) -> str | bytes:
    """A start as the Studio takes it: a picture's bytes of its data: URL, or the text."""
    kind, marker, body = str(text).partition(";base64,")
    return _decoded(body) if marker and kind.startswith("data:image/") else text


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise UserError("the picture must be a file's bytes in base64.") from error
