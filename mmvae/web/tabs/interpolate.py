"""On the way from one latent to another."""

import gradio as gr

from mmvae.web import cards, fields, limits
from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Interpolate*."""
    with gr.Row():
        with gr.Column():
            first = fields.words("From: a seed or a caption", "0")
            first_upload = fields.upload("or a picture")
        with gr.Column():
            last = fields.words("To: a seed or a caption", "1")
            last_upload = fields.upload("or a picture")
    steps = gr.Slider(*limits.FRAMES, 8, step=1, label="Steps")
    button = gr.Button("Interpolate", variant="primary")
    strip, motion = gr.HTML(), gr.HTML(elem_classes="one")

    def run(
        start: str, start_path: str | None, end: str, end_path: str | None, count: int
    ) -> tuple[str, str]:
        ends = fields.start(start, start_path), fields.start(end, end_path)
        between, gif = studio.interpolate(*ends, count)
        source = cards.data_url(gif, "image/gif")
        save = cards.link(gif, "image/gif", "interpolation.gif", "GIF")
        frame = f'<img src="{source}" alt="there and back"><figcaption>{save}</figcaption>'
        moving = f'<figure class="card motion">{frame}</figure>'
        return cards.strip(between), moving

    settings = [first, first_upload, last, last_upload, steps]
    return [Tab("Interpolate", settings, [strip, motion], run, [button.click])]
