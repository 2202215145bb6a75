"""What the model is, its data, its numbers and its limits."""

import gradio as gr


def build(studio):
    """The tab *About*."""
    gr.Markdown(studio.about)
