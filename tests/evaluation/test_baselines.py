"""Baselines reach what theory says, and the copycat is caught."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from mmvae.data.modalities import Caption, Image
from mmvae.data.records import Records
from mmvae.data.text import EOS, PAD
from mmvae.evaluation import baselines
from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import alignment
from mmvae.evaluation.families import baselines as family
from mmvae.evaluation.language_model import LanguageModel
from support.sprite_split import VOCABULARY, split

MODALITIES = {"image": Image((8, 8, 3)), "caption": Caption(4, 10)}


@pytest.fixture(scope="module")
def asked():
    return baselines.Question(split(1, 60), split(0, 300), 8, VOCABULARY, 50, 0)


@pytest.fixture(scope="module")
def measured(asked):
    """{baseline: {name: value}} of everything that each can be measured by."""
    return {name: values(answer(asked), asked) for name, answer in baselines.BASELINES.items()}


def values(answers, asked):
    estimates = family.measure(answers, asked.test, asked.train, Resampling(0))
    return {name: estimate.value for name, estimate in estimates.items()}


def test_mean_image_has_the_variance_of_the_pictures(asked, measured):
    found = measured["mean image"]
    test, train = (s.images.astype(float) / 127.5 - 1 for s in (asked.test, asked.train))
    expected = np.mean((test - train.mean(axis=0)) ** 2)
    assert found["image_mse"] == pytest.approx(expected, rel=1e-3)
    assert found["image_mse"] == found["image_mse_from_image"] == found["image_mse_from_caption"]


def test_each_is_measured_by_what_it_answers(measured):
    pictures = {f"image_{name}" for name in ("mse", "l1", "psnr", "ssim")}
    ends = ("", "_from_image", "_from_caption")
    assert set(measured["mean image"]) == {name + end for name in pictures for end in ends}
    assert set(measured["PCA"]) == {name + end for name in pictures for end in ends[:2]}
    scores = {name + end for name in ("caption_accuracy", "caption_perplexity") for end in ends[:2]}
    assert set(measured["unigram"]) == {*scores, "loss_caption"}
    assert set(measured["n-gram"]) == {*scores, "loss_caption"}


def test_pca_keeps_as_many_components_as_the_latent_has_dimensions(asked, measured):
    flat = lambda images: images.reshape(len(images), -1).astype(np.float64)
    model = PCA(8, svd_solver="full").fit(flat(asked.train.images))
    again = model.inverse_transform(model.transform(flat(asked.test.images)))
    error = (np.clip(again, 0, 255) - flat(asked.test.images)) / 127.5
    found = measured["PCA"]
    assert found["image_mse"] == pytest.approx(np.mean(error**2), rel=0.02)
    assert found["image_mse"] < measured["mean image"]["image_mse"]


def test_word_order_is_worth_something_and_shuffled_words_are_not_expected(asked, measured):
    simple, ordered = measured["unigram"], measured["n-gram"]
    assert ordered["caption_perplexity"] < 0.6 * simple["caption_perplexity"]
    # Level 3 has 2 sizes, 5 colours and 3 shapes, and then surely the end.
    assert ordered["caption_perplexity"] == pytest.approx(30 ** (1 / 4), rel=0.1)
    assert np.exp(ordered["loss_caption"]) == pytest.approx(ordered["caption_perplexity"])
    model = LanguageModel(asked.train.ids, VOCABULARY, 4)
    backwards = asked.test.ids.copy()
    backwards[:, :3] = backwards[:, 2::-1]
    assert model.score(backwards)[0].mean() < model.score(asked.test.ids)[0].mean() - 3


def test_the_copycat_is_coherent_and_caught(measured):
    found = measured["copycat"]
    assert found["coherence_joint"] > 0.95
    assert found["coherence_caption_to_image"] > 0.9
    assert found["memorisation_closer"] > 0.99
    assert found["memorisation_suspect"] > 0.99
    assert found["caption_copied_from_image"] == 1


def test_the_nearest_caption_shares_most_words():
    known = ["a ship at sea", "a church in the village", "two men"]
    nearest = baselines.nearest_captions(["the village church", "a ship"], known)
    assert list(nearest) == [1, 0]


def test_histograms_and_words_find_each_other_better_than_chance(asked, measured):
    chance = alignment.chance(asked.test.captions)
    for direction in ("image_to_caption", "caption_to_image"):
        name = f"retrieval_{direction}_at_5"
        assert measured["CCA"][name] > 1.5 * chance[name].value


# What every run is told of before it trains, against the whole data set at once


def records(rows, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (rows, 8, 8, 3)).astype(np.uint8)
    ids = [random.integers(4, 10, random.integers(0, 6)) for _ in range(rows)]
    files = tf.constant([png(p) for p in pixels])
    stored = Records(files, [""] * rows, ids, [str(i) for i in range(rows)], [{}] * rows)
    return stored, pixels / 127.5 - 1.0, [[*row[:3], EOS] for row in ids if len(row)]


def png(pixels):
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_scores_before_training_are_those_of_the_mean_and_of_the_frequencies():
    train, pictures, pieces = records(30, 0)
    val, val_pictures, val_pieces = records(12, 1)
    found = baselines.before_training(train, val, MODALITIES)
    mse = np.mean((val_pictures - pictures.mean(axis=0)) ** 2)
    assert found["mean image"]["image_mse"] == pytest.approx(mse)
    assert found["mean image"]["image_psnr"] == pytest.approx(10 * np.log10(4 / mse))
    odds = np.bincount(np.concatenate(pieces), minlength=10) + 1.0
    odds /= odds.sum()
    said = np.concatenate(val_pieces)
    assert PAD not in said
    loss = -np.mean(np.log(odds[said]))
    assert found["unigram"]["loss_caption"] == pytest.approx(loss)
    assert found["unigram"]["caption_perplexity"] == pytest.approx(np.exp(loss))
    assert found["unigram"]["caption_accuracy"] == pytest.approx(np.mean(said == odds.argmax()))
