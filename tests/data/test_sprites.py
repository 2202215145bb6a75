"""Engraved sprites: drawing, captions, and the reader that judges pictures."""

import numpy as np
import pytest
from scipy import ndimage

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
    assert images.shape == (0, 32, 32, 3) and captions == items == sprites.read(images, 5) == []


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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", sprites.LEVELS)
def test_reader_is_right_on_fresh_sprites(level, size):
    images, _, items = drawing.draw(11, level, size, 1000, 200)
    assert sprites.all_right(sprites.read(images, level), items, level).mean() >= 0.99


@pytest.mark.parametrize("size", SIZES)
def test_reader_bears_blur_and_noise(size):
    images, _, items = drawing.draw(12, 5, size, 0, 200)
    noise = np.random.default_rng(0).normal(0, 8, images.shape)
    blurred = ndimage.gaussian_filter(images.astype(float), (0, 0.7, 0.7, 0)) + noise
    found = sprites.read(np.clip(blurred, 0, 255).astype(np.uint8), 5)
    assert sprites.all_right(found, items, 5).mean() >= 0.97


def test_reading_a_picture_does_not_depend_on_its_batch():
    images, _, _ = drawing.draw(12, 5, 32, 0, 8)
    assert sprites.read(images, 5)[5:6] == sprites.read(images[5:6], 5)


@pytest.mark.parametrize("size", SIZES)
def test_reader_gives_nothing_to_noise(size):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, size, size, 3)).astype(np.uint8)
    cloud = ndimage.gaussian_filter(rng.normal(0, 1, noise.shape), (0, size / 10, size / 10, 0))
    clouds = np.clip(128 + 10 * size * cloud, 0, 255).astype(np.uint8)
    for row in sprites.read(np.concatenate([noise, clouds]), 5):
        assert set(row.values()) == {None}


@pytest.mark.parametrize("spread", [0, 20])
def test_bare_paper_shows_only_its_background(spread):
    rng = np.random.default_rng(0)
    paper = np.array(sprites.PAPER["dark"]) + rng.normal(0, spread, (5, 32, 32, 3))
    for row in sprites.read(np.clip(paper, 0, 255).astype(np.uint8), 5):
        assert row.pop("background") == "dark"
        assert set(row.values()) == {None}


@pytest.mark.parametrize("size", SIZES)
def test_reader_refuses_figures_that_are_no_shape(size):
    along = (np.arange(size) + 0.5) * 32 / size - 12
    x, y = np.meshgrid(along, along)
    disc = np.hypot(x, y) < 6
    cross = (np.abs(x) < 2) & (np.abs(y) < 8) | (np.abs(y) < 2) & (np.abs(x) < 8)
    two = (np.hypot(x - 4, y) < 4) | (np.hypot(x + 5, y) < 4)
    full = np.full_like(disc, True)
    full[[0, -1]] = full[:, [0, -1]] = False
    masks = np.array([disc, cross, two, full])[..., None]
    images = np.where(masks, sprites.INK["light"]["blue"], sprites.PAPER["light"])
    found = sprites.read(images.astype(np.uint8), 4)
    assert [row["shape"] for row in found] == [None] * 4
    assert [row["size"] for row in found] == [None] * 4


def _redrawn(**changes):
    """What the reader says of 40 small red squares after some of their attributes change."""
    _, _, items = drawing.draw(2, 5, 32, 0, 40)
    wanted = {"shape": "square", "size": "small", "colour": "red", "background": "light"}
    wanted |= {"position": "top left", "radius": 5.2, "x": 8.0, "y": 9.0}
    items = [item | wanted for item in items]
    images = drawing._render([item | changes for item in items], 32)
    found = sprites.right(sprites.read(images, 5), items, 5)
    return {name for name, values in found.items() if not values.any()}, found


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("shape", {"shape": "heart"}),
        ("shape", {"shape": "ellipse"}),
        ("size", {"size": "big", "radius": 7.4, "x": 10.5, "y": 10.5}),
        ("colour", {"colour": "pink"}),
        ("position", {"x": 23.0}),
        ("background", {"background": "dark"}),
    ],
)
def test_a_wrong_attribute_is_told_from_the_others(name, changes):
    wrong, found = _redrawn(**changes)
    assert wrong == {name}
    assert all(values.all() for other, values in found.items() if other != name)


def test_an_unread_attribute_is_never_right():
    found, wanted = [{"shape": None}, {"shape": "heart"}], [{"shape": None}, {"shape": "heart"}]
    np.testing.assert_array_equal(sprites.all_right(found, wanted, 1), [False, True])
