"""Input fields that several tabs have, and what an event handler gets from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from mmvae.web import limits
from mmvae.web.studio import Studio


@dataclass(frozen=True)
class Tab:
    """What a tab is to the app around it.

    Attributes:
        name: short, also its id.
        inputs: fields whose values are its settings.
        outputs: what its `run` gives values for.
        run: of the values of inputs, the values of outputs.
        triggers: events that run it.
        live: whether it runs so often that it shows no progress and keeps no history.
    """

    name: str
    inputs: list[Component]
    outputs: list[Component]
    run: Callable[..., Sequence[Any]]
    triggers: list[Callable[..., Dependency]]
    live: bool = False


def upload(label: str) -> gr.Image:
    """A picture from the visitor; the handler gets the path of the file, undecoded."""
    field = gr.Image(
        label=label, type="filepath", sources=["upload", "clipboard"], image_mode=None, height=240
    )
    # Gradio would open the file before anybody asks how large the picture is.
    field.preprocess = lambda payload: payload and payload.path
    return field


def raw(path: str | None) -> bytes | None:
    """Bytes of an uploaded file, None where there is none."""
    return Path(path).read_bytes() if path else None


def start(words: str, path: str | None) -> str | bytes:
    """A start as the Studio takes it, from a text field and an upload; the upload wins."""
    return raw(path) or words


def seed() -> gr.Number:
    """A field for a seed."""
    return gr.Number(0, label="Seed", precision=0, minimum=0)


def number(most: int, value: int, label: str = "How many") -> gr.Slider:
    """A slider for a small number."""
    return gr.Slider(1, most, value, step=1, label=label)


def temperature(value: float = 1.0) -> gr.Slider:
    """A slider for the scale of the noise."""
    return gr.Slider(
        0, limits.TEMPERATURE, value, step=0.05, label="Temperature", info="scale of the noise"
    )


def sampler(studio: Studio) -> gr.Radio:
    """A choice among the samplers that this run has."""
    info = (
        "flow: learned prior; ancestral: that, led by its own first caption; "
        "gmm: mixture of Gaussians; prior: N(0, I)"
    )
    return gr.Radio(studio.samplers, value="flow", label="Sampler", info=info)


def words(label: str, value: str = "") -> gr.Textbox:
    """A line of text."""
    return gr.Textbox(value, label=label, max_length=limits.TEXT)
