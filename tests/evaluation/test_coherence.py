"""Coherence of right and of wrong answers, and the level that captions tell."""

import numpy as np
import pytest

from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import coherence
from support.sprite_split import LEVEL, split


@pytest.fixture(scope="module")
def test():
    return split(1, 60)


def values(estimates):
    return {name: estimate.value for name, estimate in estimates.items()}


def test_coherence_of_right_and_of_wrong_answers(test):
    resampling = Resampling(0)
    right = values(coherence.captions_values(test.captions, test.captions, LEVEL, resampling))
    assert set(right.values()) == {1.0}
    assert set(right) == {
        f"coherence_image_to_caption{end}" for end in ("", "_shape", "_size", "_colour")
    }
    turned = test.captions[1:] + test.captions[:1]
    wrong = values(coherence.captions_values(test.captions, turned, LEVEL, resampling))
    assert wrong["coherence_image_to_caption"] < 0.2
    assert wrong["coherence_image_to_caption_size"] == pytest.approx(0.5, abs=0.25)
    nonsense = ["square big"] * len(test)
    found = values(coherence.captions_values(test.captions, nonsense, LEVEL, resampling))
    assert set(found.values()) == {0.0}


def test_coherence_of_pictures_is_read_from_their_pixels(test):
    resampling = Resampling(0)
    right = values(coherence.images_values(test.images, test.captions, LEVEL, resampling))
    assert right["coherence_caption_to_image"] > 0.95
    noise = np.random.default_rng(0).integers(0, 256, test.images.shape).astype(np.uint8)
    wrong = values(coherence.images_values(noise, test.captions, LEVEL, resampling))
    assert wrong["coherence_caption_to_image"] == 0


def test_the_level_is_told_by_the_captions(test):
    assert coherence.level(test.captions) == LEVEL
    assert coherence.level(["a ship at anchor"]) is None
