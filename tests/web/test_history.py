"""The history of a session, in words."""

import gradio as gr
import pytest

from mmvae.web import fields
from mmvae.web.history import _label, _labels, _there


@pytest.fixture
def tab():
    """A tab with a field of each kind."""
    inputs = [
        gr.Textbox("0", label="Start: a seed or a caption"),
        fields.upload("or a picture"),
        gr.Slider(-4, 4, 0, label="Direction 1 · 20% of variance"),
    ]
    return fields.Tab("Explore", inputs, [gr.HTML()], lambda *_: [""], [])


def test_an_entry_names_what_is_not_as_the_page_opened(tab):
    assert _label(tab, ["0", None, 0]) == "Explore"
    assert _label(tab, ["big heart", None, 1.5]) == "Explore: start big heart, direction 1 1.5"
    assert _label(tab, ["0", "/uploads/x.png", 0]) == "Explore: a picture"
    assert len(_label(tab, ["x" * 200, None, 0])) == 90


def test_entries_are_numbered_so_that_each_is_another(tab):
    past = [(0, [words, None, 0]) for words in ("b", "a", "b")]
    assert _labels(past, [tab]) == [
        "3. Explore: start b",
        "2. Explore: start a",
        "1. Explore: start b",
    ]


def test_uploads_that_were_cleaned_up_are_left_out(tab, tmp_path):
    there = tmp_path / "x.png"
    there.write_bytes(b"x")
    assert _there(tab.inputs[1], str(there)) == str(there)
    assert _there(tab.inputs[1], str(tmp_path / "gone.png")) is None
    assert _there(tab.inputs[0], "words") == "words"
