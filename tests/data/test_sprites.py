"""Engraved sprites: drawing, and what their captions say."""

import numpy as np
import pytest

from data_prep.sources import sprites as drawing
from mmvae.data import sprites

SIZES = (32, 64)


@pytest.mark.parametrize("level", sprites.LEVELS)
def test_captions_tell_exactly_the_attributes_of_their_level(level):
    _, captions, items = drawing.draw(1, level, 32, 0, 60)
    for text, item in zip(captions, items, strict=True):
        told = {name: item[name] for name in sprites.attributes(level)}
        assert sprites.parse(text, level) == told
        assert sprites.caption(told, level) == text
    others = [other for other in sprites.LEVELS if other != level]
    assert all(sprites.parse(captions[0], other) is None for other in others)


def test_caption_wording():
    values = {
        "shape": "square",
        "size": "small",
        "colour": "red",
        "position": "top left",
        "background": "dark",
    }
    found = [sprites.caption(values, level) for level in sprites.LEVELS]
    assert found == [
        "square",
        "small square",
        "small red square",
        "small red square at top left",
        "small red square at top left on dark",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "heart",
        "red small heart",
        "small red heart ",
        "Small red heart",
        "small red heart heart",
    ],
)
def test_parse_refuses_what_is_not_a_caption(text):
    assert sprites.parse(text, 3) is None


def test_parse_gives_each_caller_its_own_dict():
    sprites.parse("heart", 1)["shape"] = "square"
    assert sprites.parse("heart", 1) == {"shape": "heart"}


def test_unknown_level_and_size_are_refused():
    with pytest.raises(ValueError, match="levels 1 to 5"):
        sprites.attributes(6)
    with pytest.raises(ValueError, match="multiples of 32"):
        drawing.draw(0, 1, 40, 0, 1)


@pytest.mark.parametrize("size", SIZES)
def test_an_item_depends_only_on_its_own_index(size):
    images, captions, items = drawing.draw(3, 5, size, 0, 70)
    part, part_captions, part_items = drawing.draw(3, 5, size, 61, 9)
    assert images.shape == (70, size, size, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[61:], part)
    assert (captions[61:], items[61:]) == (part_captions, part_items)
    assert not np.array_equal(part, drawing.draw(4, 5, size, 61, 9)[0])


def test_no_items():
    images, captions, items = drawing.draw(3, 5, 32, 7, 0)
    assert images.shape == (0, 32, 32, 3) and captions == items == []


def test_both_sizes_show_the_same_picture():
    large, _, items = drawing.draw(3, 5, 64, 0, 20)
    small, _, same = drawing.draw(3, 5, 32, 0, 20)
    assert items == same
    shrunk = large.reshape(20, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 2


def test_every_value_and_texture_occurs_and_what_is_not_told_is_fixed():
    _, _, items = drawing.draw(0, 5, 32, 0, 200)
    for name, values in sprites.VALUES.items():
        assert {item[name] for item in items} == set(values)
    assert {item["texture"] for item in items} == set(drawing.TEXTURES)
    _, _, items = drawing.draw(0, 2, 32, 0, 50)
    for name in ("colour", "position", "background"):
        assert {item[name] for item in items} == {sprites.FIXED[name]}


@pytest.mark.parametrize("size", SIZES)
def test_figures_stay_inside_the_picture(size):
    images, _, _ = drawing.draw(8, 5, size, 0, 200)
    for edge in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]):
        np.testing.assert_array_equal(edge, np.broadcast_to(edge[:, :1], edge.shape))
