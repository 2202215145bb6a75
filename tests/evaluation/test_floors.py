"""The scores of answers without a model, against the whole data set at once."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mmvae.data.text import EOS, PAD
from mmvae.evaluation.floors import floors

SHAPES = {"image": (8, 8, 3), "caption": (4, 10)}


def split(rows, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (rows, 8, 8, 3)).astype(np.uint8)
    ids = [random.integers(4, 10, random.integers(0, 6)) for _ in range(rows)]
    records = SimpleNamespace(images=tf.constant([png(p) for p in pixels]), caption_ids=ids)
    return records, pixels / 127.5 - 1.0, [[*row[:3], EOS] for row in ids if len(row)]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_floors_are_those_of_the_mean_and_of_the_frequencies():
    train, pictures, pieces = split(30, 0)
    val, val_pictures, val_pieces = split(12, 1)
    found = floors(train, val, SHAPES)
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
