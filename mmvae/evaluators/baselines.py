"""Trivial baselines, measured as the model is: what a number is worth shows only beside them."""

import numpy as np

from mmvae.evaluators.samples import decoded
from mmvae.text import pad_ids


def mean_image(train, test, session):
    """{"image_mse", "image_psnr"} of answering every picture with the training mean."""
    mean = _floats(decoded(session, train, len(train))).mean(axis=0)
    mse = float(np.mean(np.square(_floats(decoded(session, test, len(test))) - mean)))
    return {"image_mse": mse, "image_psnr": float(10 * np.log10(4 / mse))}


def unigram(train, test, session):
    """{"loss_caption", "caption_perplexity", "caption_accuracy"} of token frequencies alone.

    Tokens are counted with the end, without padding, and smoothed by adding one.
    """
    length, vocab_size = session.shapes["caption"]
    counts = np.bincount(_tokens(train, length), minlength=vocab_size) + 1.0
    probabilities = counts / counts.sum()
    tokens = _tokens(test, length)
    loss = float(-np.mean(np.log(probabilities[tokens])))
    return {
        "loss_caption": loss,
        "caption_perplexity": float(np.exp(loss)),
        "caption_accuracy": float(np.mean(tokens == probabilities.argmax())),
    }


BASELINES = {"mean image": mean_image, "unigram": unigram}


def _floats(images):
    return images.astype(np.float32) / 127.5 - 1.0


def _tokens(records, length):
    ids = pad_ids(records.caption_ids, length)
    return ids[ids > 0]
