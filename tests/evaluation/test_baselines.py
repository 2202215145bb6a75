"""Baselines reach what theory says, and the copycat is caught."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from data_prep.sources import sprites as drawing
from mmvae.data.text import EOS, NUM_SPECIAL, PAD
from mmvae.evaluation import baselines
from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import coherence
from mmvae.evaluation.language_model import LanguageModel
from mmvae.evaluation.split import Split

LEVEL, VOCABULARY, LENGTH = 3, 24, 6
WORDS = ["small", "big", "square", "ellipse", "heart", "red", "green", "yellow", "blue", "pink"]


def ids(captions):
    rows = np.full((len(captions), LENGTH), PAD, np.int32)
    for row, text in zip(rows, captions):
        tokens = [NUM_SPECIAL + WORDS.index(word) for word in text.split()] + [EOS]
        row[: len(tokens)] = tokens
    return rows


def split(seed, count):
    images, captions, _ = drawing.draw(seed, LEVEL, 32, 0, count)
    images = np.asarray(images)
    return Split(images, captions, ids(captions), [f"{seed}/{i}" for i in range(count)])


@pytest.fixture(scope="module")
def asked():
    return baselines.Question(split(1, 60), split(0, 300), 8, VOCABULARY, 50, Resampling(0))


def values(found):
    return {name: estimate.value for name, estimate in found.items()}


def test_mean_image_has_the_variance_of_the_pictures(asked):
    found = values(baselines.mean_image(asked))
    test, train = (s.images.astype(float) / 127.5 - 1 for s in (asked.test, asked.train))
    expected = np.mean((test - train.mean(axis=0)) ** 2)
    assert found["image_mse"] == pytest.approx(expected, rel=1e-3)
    assert found["image_mse"] == found["image_mse_from_image"] == found["image_mse_from_caption"]


def test_pca_keeps_as_many_components_as_the_latent_has_dimensions(asked):
    flat = lambda images: images.reshape(len(images), -1).astype(np.float64)
    model = PCA(8, svd_solver="full").fit(flat(asked.train.images))
    again = model.inverse_transform(model.transform(flat(asked.test.images)))
    error = (np.clip(again, 0, 255) - flat(asked.test.images)) / 127.5
    found = values(baselines.pca(asked))
    assert found["image_mse"] == pytest.approx(np.mean(error**2), rel=0.02)
    assert found["image_mse"] < values(baselines.mean_image(asked))["image_mse"]


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


def test_distributions_sum_to_one(asked):
    model = LanguageModel(asked.train.ids, VOCABULARY, 4)
    model.score(asked.test.ids)
    for context in [(), (5,), (2, 2, 2), (2, 4, 9), (23, 22, 21)]:
        assert model._distribution(context).sum() == pytest.approx(1)


def test_word_order_is_worth_something_and_shuffled_words_are_not_expected(asked):
    simple, ordered = baselines.unigram(asked), baselines.n_gram(asked)
    assert values(ordered)["caption_perplexity"] < 0.6 * values(simple)["caption_perplexity"]
    # Level 3 has 2 sizes, 5 colours and 3 shapes, and then surely the end.
    assert values(ordered)["caption_perplexity"] == pytest.approx(30 ** (1 / 4), rel=0.1)
    model = LanguageModel(asked.train.ids, VOCABULARY, 4)
    backwards = asked.test.ids.copy()
    backwards[:, :3] = backwards[:, 2::-1]
    assert model.score(backwards)[0].mean() < model.score(asked.test.ids)[0].mean() - 3


def test_the_copycat_is_coherent_and_caught(asked):
    found = values(baselines.copycat(asked))
    assert found["coherence_joint"] > 0.95
    assert found["coherence_caption_to_image"] > 0.9
    assert found["memorisation_closer"] > 0.99
    assert found["memorisation_suspect"] > 0.99
    assert found["caption_copied_from_image"] == 1


def test_the_nearest_caption_shares_most_words():
    known = ["a ship at sea", "a church in the village", "two men"]
    found = baselines.nearest_captions(["the village church", "a ship"], known)
    assert list(found) == [1, 0]


# Coherence, of known answers


def test_coherence_of_right_and_of_wrong_answers(asked):
    test, resampling = asked.test, Resampling(0)
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


def test_coherence_of_pictures_is_read_from_their_pixels(asked):
    test, resampling = asked.test, Resampling(0)
    right = values(coherence.images_values(test.images, test.captions, LEVEL, resampling))
    assert right["coherence_caption_to_image"] > 0.95
    noise = np.random.default_rng(0).integers(0, 256, test.images.shape).astype(np.uint8)
    wrong = values(coherence.images_values(noise, test.captions, LEVEL, resampling))
    assert wrong["coherence_caption_to_image"] == 0


def test_the_level_is_told_by_the_captions(asked):
    assert coherence.level(asked.test.captions) == LEVEL
    assert coherence.level(["a ship at anchor"]) is None
