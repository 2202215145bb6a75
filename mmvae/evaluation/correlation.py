"""What a linear model knows of pairing: canonical correlation of pictures and captions.

Pictures are histograms of gradients and small grey means, captions are weighted words.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from skimage.feature import hog
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from mmvae.evaluation.split import Split

_SIDE = 64  # pixels that pictures are looked at with, at most
_CELL = 8  # pixels a side that share a histogram
_DIRECTIONS = 9
_MEANS = 16  # grey means a side
_COMPONENTS = {"image": 512, "caption": 300, "common": 128}  # at most
_RARE, _MANY = 3, 1000  # words in fewer captions do not count, where there are many captions
_RIDGE = 1.0  # times the mean variance is added to every variance

Vectors = tuple[Float[np.ndarray, "N E"], Float[np.ndarray, "N E"]]


def vectors(train: Split, test: Split, seed: int) -> Vectors | None:
    """Unit vectors of the pictures and of the captions of `test`, of a fit to the pairs of `train`.

    None where the training captions have no words to tell apart. Source: Hotelling 1936, with
    ridge (Vinod 1976); histograms: Dalal & Triggs 2005.
    """
    rare = _RARE if len(train) >= _MANY else 1
    words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=rare)
    try:
        known = words.fit_transform(train.captions)
    except ValueError:  # an empty vocabulary
        return None
    size = min(_COMPONENTS["caption"], min(known.shape) - 1)
    if size < 1:
        return None
    topics = TruncatedSVD(size, random_state=seed).fit(known)
    captions = [normalize(topics.transform(x)) for x in (known, words.transform(test.captions))]
    pictures = _pictures(train.images, test.images, seed)
    return project(pictures, (captions[0], captions[1]))


def project(pictures: Vectors, captions: Vectors, ridge: float = _RIDGE) -> Vectors:
    """Canonical directions of (train, test) features: unit vectors of both sides of test.

    A picture's directions are weighted by their correlation, which makes the product of the two
    vectors the regression of one side on the other.
    """
    (left, pictures_of), (right, captions_of) = map(_centred, (pictures, captions))
    whiten, colour = _whitening(left, ridge), _whitening(right, ridge)
    u, correlation, v = np.linalg.svd(whiten @ (left.T @ right / len(left)) @ colour)
    common = min(_COMPONENTS["common"], len(correlation))
    a = pictures_of @ whiten @ u[:, :common] * correlation[:common]
    b = captions_of @ colour @ v[:common].T
    return normalize(a), normalize(b)


def features(images: UInt8[np.ndarray, "N H W C"]) -> Float[np.ndarray, "N F"]:
    """Histograms of gradients in cells, then grey means."""
    grey = np.stack([_grey(image) for image in images])
    cell = min(_CELL, grey.shape[1] // 2)
    histograms = [hog(x, _DIRECTIONS, (cell, cell), (1, 1), block_norm="L2") for x in grey]
    small = [Image.fromarray(x).resize((_MEANS, _MEANS), Image.Resampling.BOX) for x in grey]
    means = np.stack([np.asarray(x).ravel() / 255.0 for x in small])
    return np.concatenate([np.stack(histograms), means], axis=1).astype(np.float32)


def _pictures(train, test, seed):
    """Principal components of the features of (train, test) pictures."""
    known, shown = features(train), features(test)
    histograms = known.shape[1] - _MEANS**2
    scale = np.repeat(
        [known[:, :histograms].std(), known[:, histograms:].std()], [histograms, _MEANS**2]
    )
    scale = np.maximum(scale, 1e-6)
    size = min(_COMPONENTS["image"], known.shape[1], len(known) - 1)
    pca = PCA(size, random_state=seed).fit(known / scale)
    return pca.transform(known / scale), pca.transform(shown / scale)


def _grey(image):
    """Grey picture of at most _SIDE pixels a side."""
    picture = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).convert("L")
    side = min(_SIDE, *picture.size)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _centred(pair):
    train, test = pair
    mean = train.mean(axis=0)
    return train - mean, test - mean


def _whitening(train, ridge):
    """(C + ridge)^(-1/2) of the covariance C of centred features."""
    covariance = train.T @ train / len(train)
    level = ridge * np.trace(covariance) / len(covariance)
    values, directions = np.linalg.eigh(covariance + level * np.eye(len(covariance)))
    return directions @ np.diag(np.maximum(values, 1e-12) ** -0.5) @ directions.T
