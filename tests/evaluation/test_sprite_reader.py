"""The reader of engraved sprites: right on drawn ones, silent where there is nothing to read."""

import numpy as np
import pytest
from scipy import ndimage

from data_prep.sources import sprites as drawing
from mmvae.data import sprites
from mmvae.evaluation import sprite_reader

SIZES = (32, 64)


def all_right(answers, truth, level):
    """Whether every attribute agrees, for each of N pictures."""
    return np.all(list(sprite_reader.right(answers, truth, level).values()), axis=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", sprites.LEVELS)
def test_reader_is_right_on_fresh_sprites(level, size):
    images, _, items = drawing.draw(11, level, size, 1000, 200)
    assert all_right(sprite_reader.read(images, level), items, level).mean() >= 0.99


@pytest.mark.parametrize("size", SIZES)
def test_reader_bears_blur_and_noise(size):
    images, _, items = drawing.draw(12, 5, size, 0, 200)
    noise = np.random.default_rng(0).normal(0, 8, images.shape)
    blurred = ndimage.gaussian_filter(images.astype(float), (0, 0.7, 0.7, 0)) + noise
    found = sprite_reader.read(np.clip(blurred, 0, 255).astype(np.uint8), 5)
    assert all_right(found, items, 5).mean() >= 0.97


def test_reading_a_picture_does_not_depend_on_its_batch():
    images, _, _ = drawing.draw(12, 5, 32, 0, 8)
    assert sprite_reader.read(images, 5)[5:6] == sprite_reader.read(images[5:6], 5)


@pytest.mark.parametrize("size", SIZES)
def test_reader_gives_nothing_to_noise(size):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, size, size, 3)).astype(np.uint8)
    cloud = ndimage.gaussian_filter(rng.normal(0, 1, noise.shape), (0, size / 10, size / 10, 0))
    clouds = np.clip(128 + 10 * size * cloud, 0, 255).astype(np.uint8)
    for row in sprite_reader.read(np.concatenate([noise, clouds]), 5):
        assert set(row.values()) == {None}


@pytest.mark.parametrize("spread", [0, 20])
def test_bare_paper_shows_only_its_background(spread):
    rng = np.random.default_rng(0)
    paper = np.array(sprites.PAPER["dark"]) + rng.normal(0, spread, (5, 32, 32, 3))
    for row in sprite_reader.read(np.clip(paper, 0, 255).astype(np.uint8), 5):
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
    found = sprite_reader.read(images.astype(np.uint8), 4)
    assert [row["shape"] for row in found] == [None] * 4
    assert [row["size"] for row in found] == [None] * 4


def _redrawn(**changes):
    """What the reader says of 40 small red squares after some of their attributes change."""
    _, _, items = drawing.draw(2, 5, 32, 0, 40)
    wanted = {"shape": "square", "size": "small", "colour": "red", "background": "light"}
    wanted |= {"position": "top left", "radius": 5.2, "x": 8.0, "y": 9.0}
    items = [item | wanted for item in items]
    images = drawing._render([item | changes for item in items], 32)
    found = sprite_reader.right(sprite_reader.read(images, 5), items, 5)
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
    np.testing.assert_array_equal(all_right(found, wanted, 1), [False, True])


def test_no_pictures_have_no_attributes():
    assert sprite_reader.read(np.zeros((0, 32, 32, 3), np.uint8), 5) == []
