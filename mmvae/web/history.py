"""What a visitor did since the page was opened, to be loaded back."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from mmvae.web.fields import Tab

_MOST = 30
_LABEL = 90  # characters

Entry = tuple[int, Sequence[Any]]  # place of the tab among all, values of its inputs


class History:
    """A list under the tabs; made where it shall stand.

    Args:
        tabs: what it switches.
        parts: every `Tab` of the app.
    """

    def __init__(self, tabs: gr.Tabs, parts: list[Tab]) -> None:
        self._tabs, self._parts = tabs, parts
        self.state = gr.State([])
        with gr.Accordion("History of this session", open=False):
            self._list = gr.Radio([], label="Newest first", type="index")
            self._button = gr.Button("Load back", size="sm")
        self.outputs = [self.state, self._list]

    def connect(self, shown: Callable[[Callable], Callable], **options: Any) -> None:
        """Let the button show an old entry; `shown` wraps the handler, `options` its event's."""
        fields = {
            field
            for part in self._parts
            if not part.live
            for field in (*part.inputs, *part.outputs)
        }
        inputs, outputs = [self.state, self._list], [self._tabs, *fields]
        self._button.click(shown(self._load), inputs, outputs, **options)

    def after(
        self, past: list[Entry], part: Tab, settings: Sequence[Any]
    ) -> tuple[list[Entry], gr.Radio]:
        """Values of `outputs` when `part` has run with `settings`."""
        past = [(self._parts.index(part), settings), *past][:_MOST]
        return past, gr.Radio(_labels(past, self._parts), value=None)

    def _load(self, past: list[Entry], place: int | None) -> dict[Component, Any]:
        if place is None:
            return {self._tabs: gr.Tabs()}
        index, settings = past[place]
        part = self._parts[index]
        kept = [_there(field, value) for field, value in zip(part.inputs, settings)]
        values = dict(zip(part.inputs, kept)) | dict(zip(part.outputs, part.run(*kept)))
        return {self._tabs: gr.Tabs(selected=part.name)} | values


def _there(field: Component, value: Any) -> Any:
    """The value, or None for an upload that was cleaned up since."""
    gone = isinstance(field, gr.Image) and value and not Path(value).exists()
    return None if gone else value


def _labels(past: list[Entry], parts: list[Tab]) -> list[str]:
    """Entries in words; a number makes them unique, which the list needs."""
    words = [_label(parts[index], settings) for index, settings in past]
    return [f"{len(past) - place}. {label}" for place, label in enumerate(words)]


def _label(part: Tab, settings: Sequence[Any]) -> str:
    """The tab's name, and the settings that are not as the page opened."""
    pairs = zip(part.inputs, settings)
    words = [_words(field, value) for field, value in pairs if value not in ("", field.value)]
    return ": ".join(filter(None, (part.name, ", ".join(words))))[:_LABEL]


def _words(field: Component, value: Any) -> str:
    """A setting in words: its label, without what explains it, and its value."""
    name = re.split(" · |: ", field.label)[0].lower()
    return name.removeprefix("or ") if isinstance(field, gr.Image) else f"{name} {value}"
