"""Captions for a picture, and the picture as the latent keeps it."""

import math

import gradio as gr

from mmvae.web import cards, fields, limits
from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Image to caption*."""
    with gr.Row():
        with gr.Column():
            upload = fields.upload("Picture")
            num, seed = fields.number(limits.CAPTIONS, 4, "Captions"), fields.seed()
            temperature = fields.temperature(0.8)
            button = gr.Button("Write captions", variant="primary")
        with gr.Column(scale=2):
            table = gr.Dataframe(
                headers=["caption", "agreement", "probability of a token"],
                label="Captions, best agreement first",
                interactive=False,
                wrap=True,
            )
            gr.Markdown(
                "The likeliest caption, and others sampled at the temperature, each listed once."
            )
            beside = gr.HTML()

    def run(path: str | None, *settings: float) -> tuple[list[list[str]], str]:
        captioned = studio.image_to_caption(fields.raw(path), *settings)
        rows = [
            [text, f"{agreement:+.3f}", f"{math.exp(score):.1%}"]
            for text, agreement, score in captioned.captions
        ]
        seen = cards.picture(captioned.pixels, "what the model sees")
        kept = cards.picture(captioned.reconstruction.image, "what its latent keeps")
        return rows, f'<div class="two">{seen}{kept}</div>'

    settings = [upload, num, seed, temperature]
    return [Tab("Image to caption", settings, [table, beside], run, [button.click])]
