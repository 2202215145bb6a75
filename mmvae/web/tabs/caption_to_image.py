"""Pictures for a caption, ranked by how well they agree with it."""

import gradio as gr

from mmvae.web import fields, limits
from mmvae.web.cards import Slots
from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Caption to image*."""
    caption = fields.words("Caption")
    with gr.Row():
        num, seed = fields.number(limits.CARDS, 8, "Candidates"), fields.seed()
        temperature = fields.temperature()
    button = gr.Button("Generate pictures", variant="primary")
    gr.Markdown(
        "Best agreement first. *Reads as* is the caption that the model itself writes for the "
        "picture; agreement is between the picture and the caption above."
    )
    slots = Slots(seed)
    return [
        Tab(
            "Caption to image",
            [caption, num, seed, temperature],
            slots.outputs,
            lambda *settings: slots.fill(studio.caption_to_image(*settings)),
            [button.click, caption.submit],
        )
    ]
