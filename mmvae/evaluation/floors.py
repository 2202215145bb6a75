"""What an answer without a model scores, measured in a second before training starts.

`mmvae.evaluate` measures more baselines, with intervals; these two are what every report
puts beside the numbers of training.
"""

import io

import numpy as np
from PIL import Image

from mmvae.data.text import PAD, pad_ids

_MOST = 4000  # pairs of a split; more change little


def floors(train, val, modalities):
    """{"mean image": {"image_mse", "image_psnr"}, "unigram": {"loss_caption", ...}} on `val`.

    Args:
        train: Records of the training split, which the answers are taken from.
        val: Records of the validation split, not empty.
        modalities: {name: Modality} of the run.
    """
    words = modalities["caption"]
    return {
        "mean image": mean_image(train, val, modalities["image"].shape),
        "unigram": unigram(train, val, words.length, words.vocab_size),
    }


def mean_image(train, val, shape):
    """Scores of the mean training picture, pixels in [-1, 1]."""
    mean, count = np.zeros(shape), 0
    for picture in _pictures(train, shape):
        mean, count = mean + picture, count + 1
    mean /= max(1, count)
    mse = float(np.mean([np.mean(np.square(picture - mean)) for picture in _pictures(val, shape)]))
    return {"image_mse": mse, "image_psnr": float(10 * np.log10(4 / mse))}


def unigram(train, val, length, vocab_size):
    """Scores of piece frequencies (with the end, without padding, each counted once more).

    Nothing for a split without captions.
    """
    counts = np.bincount(_pieces(train, length), minlength=vocab_size) + 1.0
    probabilities = counts / counts.sum()
    pieces = _pieces(val, length)
    if not len(pieces):
        return {}
    loss = float(-np.mean(np.log(probabilities[pieces])))
    return {
        "loss_caption": loss,
        "caption_perplexity": float(np.exp(loss)),
        "caption_accuracy": float(np.mean(pieces == probabilities.argmax())),
    }


def _pictures(records, shape):
    mode = "L" if shape[-1] == 1 else "RGB"
    for encoded in records.images[:_MOST].numpy():
        with Image.open(io.BytesIO(encoded)) as opened:
            picture = np.asarray(opened.convert(mode), np.float64).reshape(shape)
        yield picture / 127.5 - 1.0


def _pieces(records, length):
    ids = pad_ids(records.caption_ids, length)
    return ids[ids != PAD]
