"""Trivial models, measured as the model is: what a number is worth shows only beside them.

Each answers what it can with what training pairs tell it, and the same functions measure the
answers. Unimodal VAEs are runs of their own (docs/evaluation.md), compared by `--against`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

from mmvae.evaluation.families import captions, coherence, memorisation, reconstruction
from mmvae.evaluation.language_model import LanguageModel
from mmvae.evaluation.neighbours import nearest
from mmvae.evaluation.split import evenly
from mmvae.inference.pairs import Pairs

_PCA_FITTED_ON = 5000  # training pictures; more change little and cost memory


@dataclass(frozen=True)
class Question:
    """What a baseline is asked: pairs to answer for, pairs to learn from, and the model's size."""

    test: object
    train: object
    latent_dim: int
    vocab_size: int
    num: int
    resampling: object

    @cached_property
    def level(self):
        """Sprites level of the captions, or None."""
        return coherence.level(self.test.captions)


def mean_image(asked):
    """Every picture is the training mean."""
    mean = np.mean(asked.train.images, axis=0, dtype=np.float64)
    same = np.repeat(np.round(mean).astype(np.uint8)[None], len(asked.test), axis=0)
    return _pictures(asked, same, ("", "_from_image", "_from_caption"))


def pca(asked):
    """Pictures from as many principal components as the latent has dimensions.

    Never more than there are pixels or training pictures less one.
    """
    known = _flat(asked.train.images[evenly(len(asked.train), _PCA_FITTED_ON)])
    size = min(asked.latent_dim, known.shape[1], len(known) - 1)
    model = PCA(size, random_state=asked.resampling.seed).fit(known)
    again = model.inverse_transform(model.transform(_flat(asked.test.images)))
    pixels = np.clip(np.round(again), 0, 255).astype(np.uint8).reshape(asked.test.images.shape)
    return _pictures(asked, pixels, ("", "_from_image"))


def _pictures(asked, answers, given):
    """Values of the same pictures whatever is given: endings, as in `answers.GIVEN`."""
    measured = reconstruction.measure(asked.test.images, answers, asked.resampling)
    return {name + ending: value for ending in given for name, value in measured.items()}


def unigram(asked):
    """Token frequencies alone."""
    return _language_model(asked, order=1)


def n_gram(asked):
    """Captions as they usually go on, whatever the picture."""
    return _language_model(asked, order=4)


def _language_model(asked, order):
    model = LanguageModel(asked.train.ids, asked.vocab_size, order)
    log_probabilities, hits, tokens = model.score(asked.test.ids)
    values = {}
    for given in ("", "_from_image"):  # it looks at neither
        values |= captions.teacher_forced(log_probabilities, hits, tokens, asked.resampling, given)
    return values | {"loss_caption": asked.resampling.mean(-log_probabilities, tokens)}


def copycat(asked):
    """A training pair for every question: the nearest for a picture or a caption, or any pair."""
    train, test, resampling = asked.train, asked.test, asked.resampling
    written = [train.captions[i] for i in nearest(test.images, train.images)[0]]
    drawn = train.images[nearest_captions(test.captions, train.captions)]
    values = captions.measure(
        test.captions, written, train.captions, resampling, suffix="_from_image"
    )
    values |= reconstruction.measure(test.images, drawn, resampling, suffix="_from_caption")
    new = copies(asked)
    values |= memorisation.measure(new, test, train, resampling)[0]
    if asked.level is not None:
        values |= coherence.captions_values(test.captions, written, asked.level, resampling)
        values |= coherence.images_values(drawn, test.captions, asked.level, resampling)
        values |= coherence.pairs_values(new, asked.level, resampling)
    return values


def copies(asked):
    """`num` training pairs by chance, as if generated: `Pairs`."""
    random = np.random.default_rng(asked.resampling.seed)
    taken = random.choice(len(asked.train), min(asked.num, len(asked.train)), replace=False)
    texts = [asked.train.captions[i] for i in taken]
    return Pairs(asked.train.images[taken], texts, np.zeros(len(taken)), np.zeros((len(taken), 0)))


def nearest_captions(queries, known):
    """Index [N] of the known caption most like each query: cosine of weighted words."""
    weigh = TfidfVectorizer(token_pattern=r"\w+", ngram_range=(1, 2)).fit(known)
    return np.asarray((weigh.transform(queries) @ weigh.transform(known).T).argmax(axis=1)).ravel()


def _flat(images):
    return images.reshape(len(images), -1).astype(np.float32)


BASELINES = {
    "mean image": mean_image,
    "PCA": pca,
    "unigram": unigram,
    "n-gram": n_gram,
    "copycat": copycat,
}
