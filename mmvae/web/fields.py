"""Input fields that several tabs have, and what an event handler gets from them."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from mmvae.web import limits


@dataclass(frozen=True)
class Tab:
    """What a tab is to the app around it.

    Attributes:
        name: short, also its id.
        inputs: fields whose values are its settings.
        outputs: what its `run` gives values for.
        run: (values of inputs) -> values of outputs.
        triggers: events that run it.
        live: whether it runs so often that it shows no progress and keeps no history.
    """

    name: str
    inputs: list
    outputs: list
    run: object
    triggers: list
    live: bool = False


def upload(label):
    """A picture from the visitor; the handler gets the path of the file, undecoded."""
    field = gr.Image(
        label=label, type="filepath", sources=["upload", "clipboard"], image_mode=None, height=240
    )
    # Gradio would open the file before anybody asks how large the picture is.
    field.preprocess = lambda payload: payload and payload.path
    return field


def raw(path):
    """Bytes of an uploaded file, None where there is none."""
    return Path(path).read_bytes() if path else None


def start(words, path):
    """A start as the Studio takes it, from a text field and an upload; the upload wins."""
    return raw(path) or words


def seed():
    """A field for a seed."""
    return gr.Number(0, label="Seed", precision=0, minimum=0)


def number(most, value, label="How many"):
    """A slider for a small number."""
    return gr.Slider(1, most, value, step=1, label=label)


def temperature(value=1.0):
    """A slider for the scale of the noise."""
    return gr.Slider(
        0, limits.TEMPERATURE, value, step=0.05, label="Temperature", info="scale of the noise"
    )


def sampler(studio):
    """A choice among the samplers that this run has."""
    info = (
        "flow: learned prior; ancestral: that, led by its own first caption; "
        "gmm: mixture of Gaussians; prior: N(0, I)"
    )
    return gr.Radio(studio.samplers, value="flow", label="Sampler", info=info)


def words(label, value=""):
    """A line of text."""
    return gr.Textbox(value, label=label, max_length=limits.TEXT)
