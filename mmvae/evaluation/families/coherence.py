"""Exact coherence on engraved sprites: is everything that the other side says right?

As the CdSprites+ leaderboard reports it (Sejnova et al. 2024, section 4): the share of samples
whose every attribute is right, from picture to caption, from caption to picture, and for jointly
generated pairs; and the share for each attribute alone.
"""

import numpy as np

from mmvae.data import sprites
from mmvae.evaluation import sprite_reader
from mmvae.inference.samplers import DEFAULT

CAPTIONS, IMAGES, PAIRS = 500, 250, 500  # samples a seed, as on the leaderboard
_SEEDS_APART = 100_000


def level(captions):
    """The sprites level that captions tell, or None if they are no sprites' captions."""
    fits = lambda n: all(sprites.parse(text, n) for text in captions[:50])
    return next((n for n in sprites.LEVELS if fits(n)), None)


def measure(session, test, resampling, seeds):
    """{"coherence_image_to_caption", "coherence_caption_to_image", ..._attribute: Estimate}.

    Drawing is repeated for `seeds` seeds; a caption counts once, as the mean over its pictures.
    """
    n = level(test.captions)
    written = session.caption(test.images[:IMAGES])
    values = captions_values(test.captions[:IMAGES], written, n, resampling)
    captions = test.captions[:CAPTIONS]
    sampled = (
        session.sample_images(captions, resampling.seed + s * _SEEDS_APART) for s in range(seeds)
    )
    drawn = [images_right(images, captions, n) for images in sampled]
    right = {name: np.mean([one[name] for one in drawn], axis=0) for name in drawn[0]}
    return values | _named("coherence_caption_to_image", right, resampling)


def measure_joint(session, n, num, resampling, seeds, sampler):
    """{"coherence_joint", ..._attribute: Estimate} of pairs of level `n`, drawn by one sampler.

    `num` pairs for each seed, and no more than the leaderboard has.
    """
    num = min(num, PAIRS)
    drawn = [
        pairs_right(session.generate(num, resampling.seed + s * _SEEDS_APART, sampler=sampler), n)
        for s in range(seeds)
    ]
    right = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
    return _named(joint_name(sampler), right, resampling)


def joint_name(sampler):
    """The metric of a sampler's pairs; the first sampler is the one taken unless told otherwise."""
    return "coherence_joint" if sampler == DEFAULT else f"coherence_joint_{sampler}"


def captions_values(captions, written, n, resampling):
    """Values of captions written for the pictures that `captions` belong to."""
    right = _agreement(_said(written, n), _said(captions, n), n)
    return _named("coherence_image_to_caption", right, resampling)


def images_values(images, captions, n, resampling):
    """Values of pictures drawn for `captions`."""
    return _named("coherence_caption_to_image", images_right(images, captions, n), resampling)


def pairs_values(pairs, n, resampling):
    """Values of generated `Pairs`, whatever made them."""
    return _named("coherence_joint", pairs_right(pairs, n), resampling)


def images_right(images, captions, n):
    """{"": bool [N], attribute: bool [N]}: what pictures show of what captions of level `n` say."""
    return _agreement(sprite_reader.read(images, n), _said(captions, n), n)


def pairs_right(pairs, n):
    """As `images_right`; a caption that is no caption of level `n` agrees with no picture."""
    return images_right(pairs.images, pairs.captions, n)


def _said(captions, n):
    nothing = dict.fromkeys(sprites.attributes(n))
    return [sprites.parse(text, n) or nothing for text in captions]


def _agreement(found, wanted, n):
    """{"": all attributes right [N], attribute: right [N]}."""
    each = sprite_reader.right(found, wanted, n)
    return {"": np.all(list(each.values()), axis=0)} | each


def _named(name, right, resampling):
    return {
        f"{name}_{attribute}" if attribute else name: resampling.mean(values)
        for attribute, values in right.items()
    }
