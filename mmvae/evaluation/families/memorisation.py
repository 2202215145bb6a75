"""Does the model repeat training pairs? Generated pictures beside held-out real ones."""

import numpy as np

from mmvae.data.contact_sheet import contact_sheet
from mmvae.evaluation.neighbours import nearest

_SHOWN = 20
_SUSPECT = 5  # percent of held-out pictures that lie so near to training


def measure(new, held_out, train, resampling):
    """({name: Estimate}, closest) of generated `Pairs`, given two `Split`s.

    `memorisation_closer` is the chance that a generated picture lies nearer to its nearest
    training picture than a held-out one to its own: 0.5 for new pictures, 1 for copies.
    `memorisation_suspect` is the share of them nearer than 5 % of held-out ones are.
    `closest` lists the 20 generated pairs nearest to training, nearest first.
    """
    index, distance = nearest(new.images, train.images)
    _, usual = nearest(held_out.images, train.images)
    known = set(train.captions)
    rank = closer(distance, usual)
    values = {
        "memorisation_closer": resampling.mean(rank),
        "memorisation_suspect": resampling.mean(distance < np.percentile(usual, _SUSPECT)),
        "memorisation_distance": resampling.mean(distance),
        "memorisation_distance_held_out": resampling.mean(usual),
        "memorisation_caption_copied": resampling.mean([t in known for t in new.captions]),
        "memorisation_caption_copied_held_out": resampling.mean(
            [text in known for text in held_out.captions]
        ),
    }
    closest = [
        {
            "sample": int(i),
            "caption": new.captions[i],
            "train": train.names[index[i]],
            "train_index": int(index[i]),
            "train_caption": train.captions[index[i]],
            "distance": float(distance[i]),
            "closer": float(rank[i]),
        }
        for i in np.argsort(distance, kind="stable")[:_SHOWN]
    ]
    return values, closest


def closer(distance, usual):
    """Share of the held-out distances [M] that are larger than each of [N]; equal ones half."""
    ordered = np.sort(usual)
    below = np.searchsorted(ordered, distance, "left")
    upto = np.searchsorted(ordered, distance, "right")
    return 1.0 - (below + upto) / (2 * len(ordered))


def picture(closest, new, train):
    """A sheet of generated pictures, each followed by the training picture nearest to it."""
    images, texts = [], []
    for one in closest:
        images += [new.images[one["sample"]], train.images[one["train_index"]]]
        texts += [f"new: {one['caption']}", f"train: {one['train_caption']}"]
    return contact_sheet(np.stack(images), texts)
