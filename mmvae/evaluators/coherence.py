"""Exact coherence on engraved sprites: is everything that the other side says right?

As the CdSprites+ leaderboard reports it: the share of samples whose every attribute is
right, image to caption, caption to image, and for jointly generated pairs.
"""

import numpy as np

from mmvae import sprites
from mmvae.evaluators.samples import decoded

NUM = 500


def level(records):
    """The sprites level that the captions of a split tell, or None if they are no sprites."""
    fits = lambda n: all(sprites.parse(text, n) for text in records.captions[:50])
    return next((n for n in sprites.LEVELS if fits(n)), None)


def applies(records):
    """Whether a split is of engraved sprites."""
    return level(records) is not None


def evaluate(session, records, num=NUM, seed=0):
    """{"coherence_...": float in [0, 1]} over at most `num` pairs of a split."""
    n = level(records)
    num = min(num, len(records))
    captions = records.captions[:num]
    wanted = [sprites.parse(text, n) for text in captions]
    written = session.caption(decoded(session, records, num))
    drawn = session.draw(captions, seed)
    new = session.generate(num, seed)
    return {
        "coherence_image_to_caption": _share(captions_right(written, wanted, n)),
        "coherence_caption_to_image": _share(images_right(drawn, wanted, n)),
        "coherence_joint": _share(pairs_right(new, n)),
    }


def captions_right(captions, wanted, n):
    """Which captions tell every wanted attribute of level `n`: bool [N]."""
    return np.array([sprites.parse(text, n) == want for text, want in zip(captions, wanted)])


def images_right(images, wanted, n):
    """Which pictures show every wanted attribute of level `n`: bool [N]."""
    return sprites.all_right(sprites.read(images, n), wanted, n)


def pairs_right(pairs, n):
    """Which generated pairs agree; one whose caption is no caption of level `n` does not."""
    said = [sprites.parse(text, n) for text in pairs.captions]
    nothing = dict.fromkeys(sprites.attributes(n))
    return images_right(pairs.images, [one or nothing for one in said], n)


def _share(right):
    return float(np.mean(right))
