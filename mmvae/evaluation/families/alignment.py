"""Do a picture and its caption find each other through the latent? Retrieval, and the margin."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from mmvae.evaluation.answers import Answers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split

FORMATS = {
    "retrieval_*_at_*": Format(".1%", "higher"),
    "retrieval_*_median_rank": Format(".1f", "lower"),
    "alignment_margin": Format(".3f", "higher"),
}
_WITHIN = (1, 5, 10)


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of the model's projections; chance stands beside it."""
    texts = job.test.captions
    vectors = job.session.project(image=job.test.images), job.session.project(caption=texts)
    job.beside("chance", chance(texts))
    return of_answers(Answers(vectors=vectors), job.test, job.resampling)


def of_answers(answers: Answers, test: Split, resampling: Resampling) -> dict[str, Estimate]:
    """Retrieval by the vectors of a model or a baseline; nothing where there are none."""
    if answers.vectors is None:
        return {}
    return measure(*answers.vectors, test.captions, resampling)


def measure(
    images: Float[np.ndarray, "N E"],
    captions: Float[np.ndarray, "N E"],
    texts: Sequence[str],
    resampling: Resampling,
) -> dict[str, Estimate]:
    """{"retrieval_...", "alignment_margin": Estimate} of unit vectors of N pairs.

    `texts` are the captions: pairs with the same one are all right answers. From a picture the
    gallery is every different caption, from a caption every picture. Queries are resampled,
    galleries are not.
    """
    values = {}
    for name, (rank, _, _) in ranks(images, captions, texts).items():
        hits = {k: resampling.mean(rank <= k) for k in _WITHIN}
        values |= {f"retrieval_{name}_at_{k}": hit for k, hit in hits.items()}
        median = lambda weights, rank=rank: np.median(np.repeat(rank, weights))
        values[f"retrieval_{name}_median_rank"] = resampling.statistic(median, len(rank))
    values["alignment_margin"] = resampling.mean(margins(images, captions, texts))
    return values


def chance(texts: Sequence[str]) -> dict[str, Estimate]:
    """The same names for vectors that know nothing; the margin is then 0."""
    values = {"alignment_margin": Estimate(0.0, len(texts))}
    blank = np.ones((len(texts), 1))
    for name, (_, gallery, right) in ranks(blank, blank, texts).items():
        for k in _WITHIN:
            share = np.mean(hit_by_chance(gallery, right, k))
            values[f"retrieval_{name}_at_{k}"] = Estimate(float(share), len(texts))
        half = lambda k, of=(gallery, right): np.mean(hit_by_chance(*of, k)) >= 0.5
        median = next(k for k in range(1, gallery + 1) if half(k))
        values[f"retrieval_{name}_median_rank"] = Estimate(float(median), len(texts))
    return values


def ranks(
    images: Float[np.ndarray, "N E"], captions: Float[np.ndarray, "N E"], texts: Sequence[str]
) -> dict[str, tuple[Float[np.ndarray, " N"], int, Int[np.ndarray, " N"]]]:
    """{direction: (rank, size of the gallery, right answers in it)}.

    A rank is 1 for the best; ties count half, so that vectors that are all alike gain nothing.
    """
    _, first, group = np.unique(np.array(texts), return_index=True, return_inverse=True)
    scores = images @ captions.T
    own_caption = group[:, None] == np.arange(len(first))[None, :]
    same = group[:, None] == group[None, :]
    return {
        "image_to_caption": (_rank(scores[:, first], own_caption), len(first), own_caption.sum(1)),
        "caption_to_image": (_rank(scores.T, same), len(images), same.sum(1)),
    }


def margins(
    images: Float[np.ndarray, "N E"], captions: Float[np.ndarray, "N E"], texts: Sequence[str]
) -> Float[np.ndarray, " N"]:
    """Cosine of each pair less its mean cosine with the captions of other pairs.

    A pair with the same caption is no other pair.
    """
    scores = images @ captions.T
    other = np.array(texts)[:, None] != np.array(texts)[None, :]
    mean = np.sum(scores * other, axis=1) / np.maximum(1, other.sum(axis=1))
    return np.diag(scores) - mean


def hit_by_chance(
    gallery: int, right: Int[np.ndarray, " N"], within: int
) -> Float[np.ndarray, " N"]:
    """Chance that one of `right` answers is among the first `within` of a random order."""
    wrong = gallery - right
    within = min(within, gallery)
    log_miss = _log_choose(wrong, within) - _log_choose(gallery, within)
    return np.where(wrong < within, 1.0, 1.0 - np.exp(log_miss))


def _rank(scores, right):
    """Rank [N] of the best right answer among the wrong ones, scores [N, G]."""
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    before = np.sum(~(scores <= best) & ~right, axis=1)  # NaN comes first: it proves nothing
    level = np.sum((scores == best) & ~right, axis=1)
    return 1 + before + level / 2


def _log_choose(n, k):
    n = np.maximum(n, k)
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
