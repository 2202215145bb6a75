"""Canonical correlation against scikit-learn's, and what it sees of pictures."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from mmvae.evaluation import correlation
from support.sprite_split import split


@pytest.fixture(scope="module")
def sides():
    """(train, test) features of two sides that share two of their sources."""
    random = np.random.default_rng(0)
    common = random.normal(size=(600, 2)) * [2.0, 1.0]
    side = lambda width: common @ random.normal(size=(2, width)) + random.normal(size=(600, width))
    left, right = side(6), side(5)
    return (left[:400], left[400:]), (right[:400], right[400:])


def test_directions_are_those_of_scikit_learn(sides):
    (left, left_test), (right, right_test) = sides
    a, b = correlation.project(*sides, ridge=0.0)
    theirs = CCA(5, max_iter=5000, tol=1e-10, scale=False).fit(left, right)
    x, y = theirs.transform(left_test, right_test)
    known_x, known_y = theirs.transform(left, right)
    strength = [np.corrcoef(u, v)[0, 1] for u, v in zip(known_x.T, known_y.T, strict=True)]
    x = x / known_x.std(axis=0) * strength
    y = y / known_y.std(axis=0)
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(a @ b.T, unit(x) @ unit(y).T, atol=2e-3)


def test_pairs_are_nearer_than_others(sides):
    a, b = correlation.project(*sides)
    scores = a @ b.T
    assert np.diag(scores).mean() > scores.mean() + 0.5


def test_a_line_is_seen_by_its_direction_and_place_not_by_its_sign():
    lines = np.full((3, 32, 32, 1), 128, np.uint8)
    lines[0, :, 20], lines[1, :, 20], lines[2, 20, :] = 255, 0, 255
    histograms = correlation.features(lines)[:, : -(16 * 16)]
    same, other = (np.abs(histograms[0] - histograms[k]).sum() for k in (1, 2))
    assert same < 0.01 * other


def test_captions_without_words_have_no_vectors():
    train, test = split(0, 12), split(1, 4)
    blank = type(train)(train.data, ["?"] * 12, train.names)
    assert correlation.vectors(blank, test, 0) is None


def test_few_pairs_are_enough():
    a, b = correlation.vectors(split(0, 3), split(1, 4), 0)
    assert a.shape == b.shape
    assert np.isfinite(a).all() and np.isfinite(b).all()
