"""Sliders along the directions in which the training pairs' latents vary most."""

from typing import Any

import gradio as gr

from mmvae.web import cards, fields
from mmvae.web.directions import Directions
from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Explore*: starting somewhere, and moving from there."""
    directions = studio.directions
    if directions is None:
        gr.Markdown("This checkpoint has no fitted aggregate posterior; training fits it last.")
        return []
    with gr.Row():
        with gr.Column():
            words = fields.words("Start: a seed or a caption", "0")
            upload = fields.upload("or a picture")
            button = gr.Button("Start here", variant="primary")
            shown = gr.HTML(elem_classes="one")
        with gr.Column():
            sliders = [_slider(place, share) for place, share in enumerate(directions.share)]

    def begin(text: str, path: str | None, *_: float) -> tuple[Any, ...]:
        card, places = studio.explore(fields.start(text, path), None)
        # To the sliders' step, so that the first move of one does not move the others.
        return cards.figure(card), *places.astype(float).round(2).tolist()

    def move(text: str, path: str | None, *places: float) -> tuple[str]:
        return (cards.figure(studio.explore(fields.start(text, path), places)[0]),)

    inputs = [words, upload, *sliders]
    outputs = [shown, *sliders]
    moves = [slider.input for slider in sliders]
    rests = [slider.release for slider in sliders]
    return [
        Tab("Explore", inputs, outputs, begin, [button.click, words.submit]),
        Tab("Explore", inputs, [shown], move, moves, live=True),
        Tab("Explore", inputs, [shown], move, rests),  # for the history
    ]


def _slider(place: int, share: float) -> gr.Slider:
    return gr.Slider(
        -Directions.REACH,
        Directions.REACH,
        0,
        step=0.01,
        label=f"Direction {place + 1} · {share:.0%} of variance",
    )
