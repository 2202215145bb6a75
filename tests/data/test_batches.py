"""The training stream and evaluation batches, on a real data set of sprites."""

import numpy as np
import pytest
import tensorflow as tf

from mmvae.data import batches as data
from mmvae.data import records
from mmvae.errors import UserError
from support import tiny

SEED = 3


@pytest.fixture(scope="module")
def train(sprites_dataset):
    return records.read(sprites_dataset, "train")


def options(**changes):
    changes = {"data__image_size": 32, "data__channels": 3, "data__augment": False} | changes
    config = tiny.config(**changes)
    return config.data


def take(stream, count):
    return [batch for _, batch in zip(range(count), stream)]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b)))


def keys(batches):
    return sorted(image.tobytes() for batch in batches for image in batch["image"])


def test_an_epoch_shows_every_pair_at_most_once(train):
    per_epoch = data.steps_per_epoch(len(train), 8)
    epoch = take(data.train_batches(train, options(), SEED, 8, 0), per_epoch)
    assert len(set(keys(epoch))) == per_epoch * 8


def test_epochs_differ_in_order_and_repeat_from_the_seed(train):
    per_epoch = data.steps_per_epoch(len(train), 8)
    stream = lambda seed: take(data.train_batches(train, options(), seed, 8, 0), per_epoch + 1)
    first, again, other = stream(SEED), stream(SEED), stream(SEED + 1)
    assert all(equal(a, b) for a, b in zip(first, again))
    assert not equal(first[0], first[per_epoch])
    assert not equal(first[0], other[0])


@pytest.mark.parametrize("augment", [False, True])
def test_a_stream_continues_at_any_batch(train, augment):
    wanted = options()
    with wanted.unlocked():
        wanted.augment = augment
    per_epoch = data.steps_per_epoch(len(train), 8)
    whole = take(data.train_batches(train, wanted, SEED, 8, 0), 2 * per_epoch)
    for start in (1, per_epoch - 1, per_epoch, per_epoch + 1):
        rest = next(data.train_batches(train, wanted, SEED, 8, start))
        assert equal(rest, whole[start])


def test_processes_share_the_batch_of_one(train):
    one = next(data.train_batches(train, options(), SEED, 8, 0))
    parts = [next(data.train_batches(train, options(), SEED, 8, 0, i, 2)) for i in range(2)]
    assert np.array_equal(np.concatenate([part["image"] for part in parts]), one["image"])


def test_augmentation_moves_pictures_and_keeps_captions(train):
    wanted = options()
    with wanted.unlocked():
        wanted.augment = True
    plain = next(data.train_batches(train, options(), SEED, 8, 0))
    moved = next(data.train_batches(train, wanted, SEED, 8, 0))
    assert np.array_equal(plain["caption"], moved["caption"])
    assert moved["image"].dtype == np.uint8
    changed = np.abs(plain["image"].astype(int) - moved["image"]).mean(axis=(1, 2, 3))
    assert np.all(changed > 0) and np.mean(changed) < 64


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_counts_every_pair_once(train, processes):
    seen, batches = [], set()
    for process in range(processes):
        own = list(data.eval_batches(train, options(), 16, process, processes))
        batches.add(len(own))
        seen += [image.tobytes() for batch in own for image in batch["image"][batch["mask"]]]
    stored = list(data.eval_batches(train, options(), len(train)))
    assert sorted(seen) == keys(stored)
    assert len(batches) == 1


def test_captions_end_and_are_cut(train):
    length = 4
    batch = next(data.eval_batches(train, options(data__caption_length=length), len(train)))
    assert batch["caption"].shape == (len(train), length)
    assert np.all((batch["caption"] == 3).sum(axis=1) == 1)


def test_a_bad_picture_is_named(train):
    bad = records.Records(
        images=tf.tensor_scatter_nd_update(train.images, [[5]], [b"no picture"]),
        captions=train.captions,
        caption_ids=train.caption_ids,
        ids=train.ids,
        attributes=train.attributes,
    )
    with pytest.raises(UserError, match=train.ids[5]):
        list(data.eval_batches(bad, options(), 16))


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match="batch_size=5 or less"):
        data.steps_per_epoch(5, 8)
