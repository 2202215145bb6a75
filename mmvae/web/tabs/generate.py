"""New pairs from seeds."""

import gradio as gr

from mmvae.web import fields, limits
from mmvae.web.cards import Slots
from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Generate*."""
    with gr.Row():
        num, seed = fields.number(limits.CARDS, 8), fields.seed()
        temperature, sampler = fields.temperature(), fields.sampler(studio)
    button = gr.Button("Generate", variant="primary")
    slots = Slots(seed)
    return [
        Tab(
            "Generate",
            [num, seed, temperature, sampler],
            slots.outputs,
            lambda *settings: slots.fill(studio.generate(*settings)),
            [button.click],
        )
    ]
