"""Does the model repeat training pairs? Generated pictures beside held-out real ones."""

from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from mmvae.data.contact_sheet import contact_sheet
from mmvae.evaluation.answers import Answers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import TRAIN_MOST, Job
from mmvae.evaluation.neighbours import nearest
from mmvae.evaluation.split import Split
from mmvae.inference.pairs import Pairs

FORMATS = {
    "memorisation_closer": Format(".3f", "0.5 is usual"),
    "memorisation_suspect": Format(".1%", "5 % is usual"),
    "memorisation_distance*": Format(".4f"),
    "memorisation_caption_copied*": Format(".1%"),
}
_SHOWN = 20
_SUSPECT = 5  # percent of held-out pictures that lie so near to training


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of the model's generated pairs; lists and shows those nearest to training."""
    new, train = job.answers.new, job.train
    values, closest = measure(new, job.test, train, job.resampling)
    known = len(job.train_records.pairs)
    if len(train) < known:
        job.notes.append(
            f"memorisation compared with {len(train):,} of {known:,} training "
            f"pairs: captioned ones, at most {TRAIN_MOST:,}."
        )
    job.details["closest"] = closest
    job.pictures["closest"] = picture(closest, new, train)
    return values


def of_answers(
    answers: Answers, test: Split, train: Split, resampling: Resampling
) -> dict[str, Estimate]:
    """Of a baseline's generated pairs, if it has any."""
    if answers.new is None:
        return {}
    return measure(answers.new, test, train, resampling)[0]


def measure(
    new: Pairs, held_out: Split, train: Split, resampling: Resampling
) -> tuple[dict[str, Estimate], list[dict[str, Any]]]:
    """({name: Estimate}, closest) of generated pairs.

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


def closer(
    distance: Float[np.ndarray, " N"], usual: Float[np.ndarray, " M"]
) -> Float[np.ndarray, " N"]:
    """Share of the held-out distances `usual` that are larger than each; equal ones half."""
    ordered = np.sort(usual)
    below = np.searchsorted(ordered, distance, "left")
    upto = np.searchsorted(ordered, distance, "right")
    return 1.0 - (below + upto) / (2 * len(ordered))


def picture(closest: list[dict[str, Any]], new: Pairs, train: Split) -> Image.Image:
    """A sheet of generated pictures, each followed by the training picture nearest to it."""
    images, texts = [], []
    for one in closest:
        images += [new.images[one["sample"]], train.images[one["train_index"]]]
        texts += [f"new: {one['caption']}", f"train: {one['train_caption']}"]
    return contact_sheet(np.stack(images), texts)
