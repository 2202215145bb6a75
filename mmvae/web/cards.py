"""Cards as HTML that carries its own pictures: no file is written, none is served."""

import base64
import html
import io
import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from jaxtyping import UInt8

from mmvae.data.contact_sheet import to_picture
from mmvae.web import limits
from mmvae.web.studio import Card

# A mistake is told in a message beside the page; what stood below stays to be seen.
CSS = """
.cards { display: grid !important; gap: 18px;
  grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); }
.html-container:has(.card) { padding: 0 !important; }
.card { margin: 0; }
.card img { width: 100%; image-rendering: pixelated; border-radius: 6px;
  border: 1px solid var(--border-color-primary); }
.card figcaption { padding: 4px 0 6px; font-size: 14px; line-height: 1.45; }
.card .words { font-weight: 600; display: block; overflow-wrap: anywhere; }
.card .facts { display: block; opacity: 0.8; }
.card a { padding: 0; margin: 0 12px 0 0 !important; }
.strip { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); }
.beside { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 18px;
  padding: 14px 0; border-bottom: 1px solid var(--border-color-primary); }
.two { display: grid; grid-template-columns: repeat(2, minmax(0, 260px)); gap: 18px; }
.one { max-width: 340px; }
[data-testid="status-tracker"]:has(.error) { display: none !important; }
.motion img { image-rendering: auto; width: auto; }
"""


def png(image: UInt8[np.ndarray, "H W C"]) -> bytes:
    """Bytes of a PNG file."""
    file = io.BytesIO()
    to_picture(image).save(file, "PNG")
    return file.getvalue()


def data_url(raw: bytes, kind: str) -> str:
    """A URL that is its own file; `kind` such as "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def record(card: Card) -> dict[str, Any]:
    """What a card's JSON file and the API say of it."""
    facts = {"caption": card.caption, "agreement": round(card.agreement, 4), "seed": card.seed}
    return facts | card.settings


def figure(card: Card, downloads: bool = True) -> str:
    """HTML of a card."""
    facts = [] if card.seed is None else [f"seed {card.seed}"]
    facts.append(f"agreement {card.agreement:+.2f}")
    words = f"reads as: {card.caption}" if card.prompt else card.caption
    links = _links(card) if downloads else ""
    return picture(card.image, words, " · ".join(facts), links)


def picture(image: UInt8[np.ndarray, "H W C"], words: str, facts: str = "", links: str = "") -> str:
    """HTML of a picture with words and facts below; `links` is HTML."""
    words, facts = html.escape(words or "(no words)"), html.escape(facts)
    source = data_url(png(image), "image/png")
    return (
        f'<figure class="card"><img src="{source}" alt="{words}"><figcaption>'
        f'<span class="words">{words}</span><span class="facts">{facts}</span>{links}'
        f"</figcaption></figure>"
    )


def link(raw: bytes, kind: str, name: str, words: str) -> str:
    """HTML of a link that saves bytes as a file."""
    return f'<a download="{html.escape(name)}" href="{data_url(raw, kind)}">{words}</a>'


def strip(cards: Sequence[Card]) -> str:
    """HTML of cards in one row."""
    return f'<div class="strip">{"".join(figure(card, downloads=False) for card in cards)}</div>'


def _links(card: Card) -> str:
    name = "pair" if card.seed is None else f"seed-{card.seed}"
    facts = json.dumps(record(card), indent=2).encode()
    return link(png(card.image), "image/png", f"{name}.png", "PNG") + link(
        facts, "application/json", f"{name}.json", "JSON"
    )


class Slots:
    """Places for up to 12 cards, each with a button that gives its seed to a number field.

    Made where they shall stand; `outputs` and `fill` are for event handlers.
    """

    def __init__(self, seed_field: gr.Number) -> None:
        self._seeds = gr.State([])
        self._columns, self._figures = [], []
        with gr.Row(elem_classes="cards"):
            for place in range(limits.CARDS):
                with gr.Column(visible=False, min_width=0) as column:
                    self._figures.append(gr.HTML())
                    button = gr.Button("Use this seed", size="sm")
                button.click(
                    lambda seeds, at=place: seeds[at],
                    self._seeds,
                    seed_field,
                    api_visibility="private",
                    queue=False,
                )
                self._columns.append(column)

    @property
    def outputs(self) -> list[Component]:
        """The components that `fill` gives values for."""
        return [self._seeds, *self._columns, *self._figures]

    def fill(self, cards: Sequence[Card]) -> list[Any]:
        """Values of `outputs` that show these cards."""
        shown = [place < len(cards) for place in range(limits.CARDS)]
        figures = [figure(card) for card in cards] + [""] * (limits.CARDS - len(cards))
        return [[card.seed for card in cards], *(gr.Column(visible=on) for on in shown), *figures]
