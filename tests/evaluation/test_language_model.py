"""Token n-grams against hand-computed probabilities."""

import numpy as np
import pytest

from mmvae.data.text import EOS, PAD
from mmvae.evaluation.language_model import LanguageModel


def test_unigrams_reach_the_entropy_of_the_tokens():
    rows = np.array([[4, 5, EOS], [4, 4, EOS], [5, EOS, PAD]])
    model = LanguageModel(rows, 6, order=1)
    log_probability, hits, tokens = model.score(rows)
    # 4: 3 times, 5: twice, the end: 3 times; one more of each of the 6 pieces.
    smoothed = np.log(np.array([4, 4, 3, 3, 4, 4, 4, 4]) / 14)
    assert log_probability.sum() == pytest.approx(smoothed.sum())
    assert list(tokens) == [3, 3, 2]
    assert hits.sum() == 3


def test_witten_bell_weights_by_hand():
    rows = np.array([[4, 5, EOS], [4, 6, EOS]])
    model = LanguageModel(rows, 7, order=2)
    unigram = (np.array([0, 0, 0, 2, 2, 1, 1]) + 1) / 13
    # After 4 came 5 and 6, once each: c = 2, T = 2.
    expected = (np.array([0, 0, 0, 0, 0, 1, 1]) + 2 * unigram) / 4
    np.testing.assert_allclose(model._distribution((4,)), expected)
    np.testing.assert_allclose(model._distribution((3,)), unigram)


def test_distributions_sum_to_one():
    rows = np.random.default_rng(0).integers(EOS, 24, (60, 5))
    model = LanguageModel(rows, 24, 4)
    model.score(rows[:20, ::-1])
    for context in [(), (5,), (2, 2, 2), (2, 4, 9), (23, 22, 21), tuple(rows[0, :3])]:
        assert model._distribution(context).sum() == pytest.approx(1)
