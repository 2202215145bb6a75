"""Trivial models: what a number is worth shows only beside what they reach.

Each answers what it can with what training pairs tell it; the families of metrics measure the
answers as they measure the model's. Unimodal VAEs are runs of their own (docs/evaluation.md),
compared by `--against`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

from mmvae.data.modalities import Modality
from mmvae.data.text import PAD
from mmvae.evaluation import correlation
from mmvae.evaluation.answers import Answers, Said
from mmvae.evaluation.language_model import LanguageModel, frequencies
from mmvae.evaluation.neighbours import nearest
from mmvae.evaluation.split import Split, evenly, pictures
from mmvae.inference.pairs import Pairs

if TYPE_CHECKING:
    from mmvae.data.records import Records  # it loads TensorFlow

# What tells of each half before training, by the baseline that has it.
HALVES = {"mean image": "image_mse", "unigram": "loss_caption"}
_PCA_FITTED_ON = 5000  # training pictures; more change little and cost memory
_MOST_BEFORE_TRAINING = 4000  # pairs of a split; more change little


@dataclass(frozen=True)
class Question:
    """What a baseline is asked.

    Attributes:
        test: pairs to answer for.
        train: pairs to learn from.
        latent_dim: dimensions of the model's latent.
        vocab_size: pieces of the model's vocabulary.
        num: pairs to generate.
        seed: of what is random.
    """

    test: Split
    train: Split
    latent_dim: int
    vocab_size: int
    num: int
    seed: int


def mean_image(question: Question) -> Answers:
    """Every picture is the training mean, whatever is given."""
    mean = np.mean(question.train.images, axis=0, dtype=np.float64)
    same = np.repeat(np.round(mean).astype(np.uint8)[None], len(question.test), axis=0)
    return Answers(images={("", "_from_image", "_from_caption"): same})


def pca(question: Question) -> Answers:
    """Pictures from as many principal components as the latent has dimensions.

    Never more than there are pixels or training pictures less one.
    """
    known = _flat(question.train.images[evenly(len(question.train), _PCA_FITTED_ON)])
    size = min(question.latent_dim, known.shape[1], len(known) - 1)
    model = PCA(size, random_state=question.seed).fit(known)
    again = model.inverse_transform(model.transform(_flat(question.test.images)))
    pixels = np.clip(np.round(again), 0, 255).astype(np.uint8).reshape(question.test.images.shape)
    return Answers(images={("", "_from_image"): pixels})


def unigram(question: Question) -> Answers:
    """Token frequencies alone."""
    return _language_model(question, order=1)


def n_gram(question: Question) -> Answers:
    """Captions as they usually go on, whatever the picture."""
    return _language_model(question, order=4)


def copycat(question: Question) -> Answers:
    """A training pair for every question: the nearest for a picture or a caption, or any pair."""
    train, test = question.train, question.test
    written = [train.captions[i] for i in nearest(test.images, train.images)[0]]
    shown = train.images[nearest_captions(test.captions, train.captions)]
    return Answers(
        images={("_from_caption",): shown},
        captions={("_from_image",): Said(written)},
        new=copies(train, question.num, question.seed),
    )


def cca(question: Question) -> Answers:
    """Vectors by canonical correlation of what is seen at a glance and of words."""
    return Answers(vectors=correlation.vectors(question.train, question.test, question.seed))


def copies(train: Split, num: int, seed: int) -> Pairs:
    """`num` training pairs by chance, or all there are, as if generated."""
    random = np.random.default_rng(seed)
    taken = random.choice(len(train), min(num, len(train)), replace=False)
    texts = [train.captions[i] for i in taken]
    return Pairs(train.images[taken], texts, np.zeros(len(taken)), np.zeros((len(taken), 0)))


def nearest_captions(queries: Sequence[str], known: Sequence[str]) -> Int[np.ndarray, " N"]:
    """Index of the known caption most like each query: cosine of weighted words."""
    weigh = TfidfVectorizer(token_pattern=r"\w+", ngram_range=(1, 2)).fit(known)
    return np.asarray((weigh.transform(queries) @ weigh.transform(known).T).argmax(axis=1)).ravel()


def before_training(
    train: "Records", val: "Records", modalities: Mapping[str, Modality]
) -> dict[str, dict[str, float]]:
    """{baseline: {metric: value}} on `val`, of the two that are measured in a second.

    These are the numbers that every report puts beside those of training. They have no intervals.
    Pictures are all there are, captions those of pairs: prose would make them worse.
    """
    return {
        "mean image": _mean_image_scores(train, val, modalities["image"].shape),
        "unigram": _unigram_scores(train.pairs, val, modalities["caption"]),
    }


def halves(measured: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """{metric: value}: the one number of each half, of what `before_training` measured.

    Nothing of a half that the split has not, or whose trivial answer is perfect.
    """
    known = {name: measured.get(source, {}).get(name, 0.0) for source, name in HALVES.items()}
    return {name: value for name, value in known.items() if value > 0}


def _mean_image_scores(train, val, shape):
    """Scores of the mean training picture, pixels in [-1, 1]."""
    mean, count = np.zeros(shape), 0
    for picture in _first_pictures(train, shape):
        mean, count = mean + picture, count + 1
    mean /= max(1, count)
    errors = [np.mean(np.square(picture - mean)) for picture in _first_pictures(val, shape)]
    mse = float(np.mean(errors))
    return {"image_mse": mse, "image_psnr": float(10 * np.log10(4 / mse))}


def _unigram_scores(train, val, words):
    """Scores of token frequencies; nothing for a split without captions."""
    probabilities = frequencies(words.stored(train), words.vocab_size)
    ids = words.stored(val)
    tokens = ids[ids != PAD]
    if not len(tokens):
        return {}
    loss = float(-np.mean(np.log(probabilities[tokens])))
    return {
        "loss_caption": loss,
        "caption_perplexity": float(np.exp(loss)),
        "caption_accuracy": float(np.mean(tokens == probabilities.argmax())),
    }


def _first_pictures(records, shape):
    files = [file for file in records.images.numpy() if file][:_MOST_BEFORE_TRAINING]
    for picture in pictures(files, shape):
        yield picture.astype(np.float64) / 127.5 - 1.0


def _language_model(question, order):
    model = LanguageModel(question.train.ids, question.vocab_size, order)
    said = Said(scores=model.score(question.test.ids))
    return Answers(captions={("", "_from_image"): said})  # it looks at neither


def _flat(images):
    return images.reshape(len(images), -1).astype(np.float32)


BASELINES = {
    "mean image": mean_image,
    "PCA": pca,
    "unigram": unigram,
    "n-gram": n_gram,
    "copycat": copycat,
    "CCA": cca,
}
