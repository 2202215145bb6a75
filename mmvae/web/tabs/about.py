"""What the model is, its data, its numbers and its limits."""

import gradio as gr

from mmvae.web.fields import Tab
from mmvae.web.studio import Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *About*."""
    gr.Markdown(studio.about)
    return []
