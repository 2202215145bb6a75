"""Exact coherence on engraved sprites: is everything that the other side says right?

As the CdSprites+ leaderboard reports it (Sejnova et al. 2024, section 4): the share of samples
whose every attribute is right, from picture to caption, from caption to picture, and for jointly
generated pairs; and the share for each attribute alone.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8

from mmvae.data import sprites
from mmvae.errors import UserError
from mmvae.evaluation import sprite_reader
from mmvae.evaluation.answers import Answers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split
from mmvae.inference.pairs import Pairs
from mmvae.inference.samplers import DEFAULT, SAMPLERS
from mmvae.inference.session import Session

FORMATS = {"coherence_*": Format(".1%", "higher")}
CAPTIONS, IMAGES, PAIRS = 500, 250, 500  # samples a seed, as on the leaderboard
_SEEDS_APART = 100_000


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of what the model samples, and of its new pairs by every sampler; none without sprites."""
    n = level(job.test.captions)
    if n is None:
        return {}
    session, resampling, settings = job.session, job.resampling, job.settings
    values = measure(session, job.test, n, resampling, settings.seeds)
    for sampler in SAMPLERS:
        try:
            values |= measure_joint(session, n, settings.num, resampling, settings.seeds, sampler)
        except UserError as error:  # a sampler that this run has not fitted
            job.notes.append(f"coherence of sampler {sampler} was left out: {error}")
    return values


def of_answers(answers: Answers, test: Split, resampling: Resampling) -> dict[str, Estimate]:
    """Of a baseline that answers as a generator would: of a mean picture nothing can be read."""
    n = level(test.captions)
    if n is None or answers.new is None:
        return {}
    written = answers.captions["_from_image",].written
    pictures = answers.images["_from_caption",]
    return (
        captions_values(test.captions, written, n, resampling)
        | images_values(pictures, test.captions, n, resampling)
        | pairs_values(answers.new, n, resampling)
    )


def level(captions: Sequence[str]) -> int | None:
    """The sprites level that captions tell, or None if they are no sprites' captions."""
    fits = lambda n: all(sprites.parse(text, n) for text in captions[:50])
    return next((n for n in sprites.LEVELS if fits(n)), None)


def measure(
    session: Session, test: Split, n: int, resampling: Resampling, seeds: int
) -> dict[str, Estimate]:
    """{"coherence_image_to_caption", "coherence_caption_to_image", ..._attribute: Estimate}.

    Pictures are sampled with `seeds` seeds; a caption counts once, as the mean over its pictures.
    """
    written = session.caption(test.images[:IMAGES])
    values = captions_values(test.captions[:IMAGES], written, n, resampling)
    captions = test.captions[:CAPTIONS]
    sampled = (
        session.sample_images(captions, resampling.seed + s * _SEEDS_APART) for s in range(seeds)
    )
    runs = [images_right(images, captions, n) for images in sampled]
    right = {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}
    return values | _named("coherence_caption_to_image", right, resampling)


def measure_joint(
    session: Session, n: int, num: int, resampling: Resampling, seeds: int, sampler: str
) -> dict[str, Estimate]:
    """{"coherence_joint", ..._attribute: Estimate} of pairs of level `n` by one sampler.

    `num` pairs for each seed, and no more than the leaderboard has.

    Raises:
        UserError: a sampler that this run has not fitted.
    """
    num = min(num, PAIRS)
    runs = [
        pairs_right(session.generate(num, resampling.seed + s * _SEEDS_APART, sampler=sampler), n)
        for s in range(seeds)
    ]
    right = {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    return _named(joint_name(sampler), right, resampling)


def joint_name(sampler: str) -> str:
    """The metric of a sampler's pairs; `DEFAULT` is the one taken unless told otherwise."""
    return "coherence_joint" if sampler == DEFAULT else f"coherence_joint_{sampler}"


def captions_values(
    captions: Sequence[str], written: Sequence[str], n: int, resampling: Resampling
) -> dict[str, Estimate]:
    """Values of captions written for the pictures that `captions` belong to."""
    right = _agreement(_said(written, n), _said(captions, n), n)
    return _named("coherence_image_to_caption", right, resampling)


def images_values(
    images: UInt8[np.ndarray, "N H W C"], captions: Sequence[str], n: int, resampling: Resampling
) -> dict[str, Estimate]:
    """Values of pictures made for `captions`."""
    return _named("coherence_caption_to_image", images_right(images, captions, n), resampling)


def pairs_values(pairs: Pairs, n: int, resampling: Resampling) -> dict[str, Estimate]:
    """Values of generated pairs, whatever made them."""
    return _named("coherence_joint", pairs_right(pairs, n), resampling)


def images_right(
    images: UInt8[np.ndarray, "N H W C"], captions: Sequence[str], n: int
) -> dict[str, Bool[np.ndarray, " N"]]:
    """{"": all, attribute: one}: whether pictures show what captions of level `n` say."""
    return _agreement(sprite_reader.read(images, n), _said(captions, n), n)


def pairs_right(pairs: Pairs, n: int) -> dict[str, Bool[np.ndarray, " N"]]:
    """As `images_right`; a caption that is no caption of level `n` agrees with no picture."""
    return images_right(pairs.images, pairs.captions, n)


def _said(captions, n):
    nothing = dict.fromkeys(sprites.attributes(n))
    return [sprites.parse(text, n) or nothing for text in captions]


def _agreement(answers, truth, n):
    """{"": all attributes right [N], attribute: right [N]}."""
    each = sprite_reader.right(answers, truth, n)
    return {"": np.all(list(each.values()), axis=0)} | each


def _named(name, right, resampling):
    return {
        f"{name}_{attribute}" if attribute else name: resampling.mean(values)
        for attribute, values in right.items()
    }
