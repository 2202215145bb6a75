"""Retrieval against brute force, known cases, and vectors that know nothing."""

from itertools import combinations

import numpy as np
import pytest

from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import alignment

RANDOM = np.random.default_rng(0)
TEXTS = [f"caption {i}" for i in range(40)]


def unit(shape):
    vectors = RANDOM.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(images, captions, texts=TEXTS):
    found = alignment.measure(images, captions, texts, Resampling(0))
    return {name: estimate.value for name, estimate in found.items()}


def test_equal_vectors_find_each_other():
    vectors = unit((40, 16))
    found = measure(vectors, vectors)
    for way in ("image_to_caption", "caption_to_image"):
        assert found[f"retrieval_{way}_at_1"] == 1
        assert found[f"retrieval_{way}_median_rank"] == 1
    assert found["alignment_margin"] == pytest.approx(1, abs=0.05)


def test_random_vectors_are_at_chance():
    found = [measure(unit((40, 16)), unit((40, 16))) for _ in range(30)]
    expected = alignment.chance(TEXTS)
    for name, estimate in expected.items():
        tolerance = 4 if name.endswith("rank") else 0.03
        assert np.mean([one[name] for one in found]) == pytest.approx(estimate.value, abs=tolerance)
    assert expected["retrieval_image_to_caption_at_5"].value == pytest.approx(5 / 40)


def test_the_median_of_chance_where_captions_repeat():
    texts = [f"caption {i % 8}" for i in range(96)]
    expected = alignment.chance(texts)["retrieval_caption_to_image_median_rank"].value
    found = [
        measure(unit((96, 16)), unit((8, 16))[np.arange(96) % 8], texts)[
            "retrieval_caption_to_image_median_rank"
        ]
        for _ in range(200)
    ]
    # 12 right answers of 96: half of all queries find one among the first five or six.
    assert expected in (5, 6)
    assert np.mean(found) == pytest.approx(expected, abs=1)


def test_vectors_that_are_not_finite_find_nothing():
    vectors = np.full((40, 4), np.nan)
    found = measure(vectors, vectors)
    assert found["retrieval_image_to_caption_at_10"] == 0
    assert found["retrieval_caption_to_image_median_rank"] == 40


def test_shuffled_pairs_lose_retrieval_and_margin():
    vectors = unit((40, 16))
    found = measure(vectors, np.roll(vectors, 1, axis=0))
    assert found["retrieval_image_to_caption_at_1"] == 0
    assert found["alignment_margin"] < 0.1


def test_vectors_that_are_all_alike_gain_nothing():
    found = measure(np.ones((40, 1)), np.ones((40, 1)))
    assert found["retrieval_image_to_caption_at_10"] == 0
    assert found["retrieval_caption_to_image_median_rank"] == pytest.approx(20.5)
    assert found["alignment_margin"] == 0


def test_ranks_by_brute_force_with_repeated_captions():
    texts = ["a", "b", "a", "c", "b"]
    images = unit((5, 4))
    captions = unit((3, 4))[[0, 1, 0, 2, 1]]
    found = alignment.ranks(images, captions, texts)
    scores = images @ captions.T
    rank, gallery, right = found["image_to_caption"]
    distinct = [0, 1, 3]
    for i in range(5):
        assert rank[i] == 1 + sum(scores[i, j] > scores[i, i] + 1e-12 for j in distinct)
    assert gallery == 3 and list(right) == [1] * 5
    rank, gallery, right = found["caption_to_image"]
    for i, text in enumerate(texts):
        best = max(scores[j, i] for j in range(5) if texts[j] == text)
        worse = [scores[j, i] for j in range(5) if texts[j] != text]
        assert rank[i] == 1 + sum(score > best for score in worse)
    assert gallery == 5 and list(right) == [2, 2, 2, 1, 2]


def test_chance_by_counting_every_order():
    right, gallery = 2, 6
    for within in (1, 2, 5, 10):
        firsts = list(combinations(range(gallery), min(within, gallery)))
        expected = np.mean([any(i < right for i in first) for first in firsts])
        found = alignment.hit_by_chance(gallery, np.array([right]), within)
        assert found[0] == pytest.approx(expected)


def test_margins_leave_out_the_same_caption():
    images = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = alignment.margins(images, images, ["a", "b", "a"])
    np.testing.assert_allclose(found, [1, 1, 1])
