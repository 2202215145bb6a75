"""Copies are found, new pictures are not accused."""

import numpy as np
import pytest

from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import memorisation
from mmvae.evaluation.neighbours import nearest, thumbnails
from mmvae.evaluation.split import Split
from mmvae.inference.pairs import Pairs

RANDOM = np.random.default_rng(0)


def pictures(count):
    """Random pictures of 4x4 coarse blocks, 32 pixels."""
    blocks = RANDOM.integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


def split(images):
    captions = [f"caption {i}" for i in range(len(images))]
    return Split({"image": images}, captions, captions)


def generated(images, captions=None):
    captions = captions or ["something new"] * len(images)
    return Pairs(images, captions, np.zeros(len(images)), np.zeros((len(images), 2)))


TRAIN, HELD_OUT = split(pictures(200)), split(pictures(100))


def measure(new):
    values, closest = memorisation.measure(new, HELD_OUT, TRAIN, Resampling(0))
    return {name: estimate.value for name, estimate in values.items()}, closest


def test_new_pictures_are_like_held_out_ones():
    values, _ = measure(generated(pictures(150)))
    assert values["memorisation_closer"] == pytest.approx(0.5, abs=0.1)
    assert values["memorisation_suspect"] < 0.15
    assert values["memorisation_caption_copied"] == 0
    assert values["memorisation_caption_copied_held_out"] == 1  # they are named alike


def test_copies_are_found_even_with_noise_and_a_shift():
    noisy = np.clip(TRAIN.images[:50] + RANDOM.normal(0, 20, (50, 32, 32, 1)), 0, 255)
    shifted = np.roll(noisy.astype(np.uint8), 1, axis=2)
    values, closest = measure(generated(shifted, TRAIN.captions[:50]))
    assert values["memorisation_closer"] > 0.99
    assert values["memorisation_suspect"] > 0.99
    assert values["memorisation_caption_copied"] == 1
    assert len(closest) == 20
    assert all(one["train_index"] == one["sample"] for one in closest)
    assert [one["distance"] for one in closest] == sorted(one["distance"] for one in closest)


def test_one_copy_among_new_pictures_comes_first():
    images = pictures(30)
    images[7] = TRAIN.images[3]
    _, closest = measure(generated(images))
    assert closest[0]["sample"] == 7
    assert closest[0]["train"] == "caption 3"
    assert closest[0]["distance"] == pytest.approx(0, abs=1e-3)
    sheet = memorisation.picture(closest, generated(images), TRAIN)
    assert sheet.mode == "RGB" and min(sheet.size) > 100


def test_nearest_by_brute_force():
    queries, known = pictures(9), pictures(20)
    index, distance = nearest(queries, known)
    small, large = thumbnails(queries), thumbnails(known)
    every = np.sqrt(((small[:, None] - large[None]) ** 2).mean(axis=2))
    np.testing.assert_array_equal(index, every.argmin(axis=1))
    np.testing.assert_allclose(distance, every.min(axis=1), atol=1e-4)


def test_rank_among_held_out_distances():
    found = memorisation.closer(np.array([0.0, 1.0, 2.5, 9.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(found, [1, 0.875, 0.5, 0])
