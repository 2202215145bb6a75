"""Captions for a picture, and the picture as the latent keeps it."""

import math

import gradio as gr

from mmvae.web import cards, fields, limits


def build(studio):
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
                "The likeliest caption, and others drawn at the temperature; one drawn twice is "
                "listed once."
            )
            beside = gr.HTML()

    def run(path, *settings):
        rows, card, pixels = studio.caption(fields.raw(path), *settings)
        shown = [[c, f"{agreement:+.3f}", f"{math.exp(score):.1%}"] for c, agreement, score in rows]
        seen = cards.picture(pixels, "what the model sees")
        kept = cards.picture(card.image, "what its latent keeps")
        return shown, f'<div class="two">{seen}{kept}</div>'

    settings = [upload, num, seed, temperature]
    return fields.Tab("Image to caption", settings, [table, beside], run, [button.click])
