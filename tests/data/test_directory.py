"""The card of a data set: whole, or refused with what to type."""

import json

import pytest

from mmvae.data import directory
from mmvae.errors import UserError

WHOLE = {
    "image": {"size": 32, "channels": 1},
    "vocabulary": {"size": 300, "requested": 0, "coverage": 1.0, "measured_on": "val"},
}


def test_a_whole_card_is_read(tmp_path):
    (tmp_path / directory.CARD).write_text(json.dumps(WHOLE | {"name": "sprites"}))
    card = directory.read_card(tmp_path)
    assert card["name"] == "sprites"
    assert directory.picture_fields(card) == {"image_size": 32, "channels": 1}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "is missing"),
        (b"", "is damaged (Expecting value"),
        (b'{"image": \xff}', "is damaged ('utf-8' codec"),
        (b"[" * 100_000, "is damaged (maximum recursion"),
        (b"7", "is damaged (no JSON object)"),
        (b'{"vocabulary": {}}', "is damaged (no image.size)"),
        (json.dumps(WHOLE | {"image": {"size": 32}}).encode(), "is damaged (no image.channels)"),
        (json.dumps(WHOLE | {"vocabulary": None}).encode(), "is damaged (no vocabulary.size)"),
    ],
)
def test_another_is_refused_with_what_to_type(tmp_path, content, fault):
    path = tmp_path / directory.CARD
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        directory.read_card(tmp_path)
    assert str(caught.value).startswith(f"{path} {fault}")
    assert f"--source SPEC --out {tmp_path} --overwrite" in str(caught.value)
