"""The training stream and evaluation batches, on a real data set of sprites."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mmvae.data import batches as data
from mmvae.data import records, sprites
from mmvae.data.labels import Label
from mmvae.errors import UserError
from support import tiny

SEED = 3


@pytest.fixture(scope="module")
def train(sprites_dataset):
    return records.read(sprites_dataset, "train")


def modalities(**changes):
    """Those of pictures as the data set has them."""
    return tiny.modalities(tiny.config(data__image_size=32, data__channels=3, **changes))


def take(stream, count):
    return [batch for _, batch in zip(range(count), stream)]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b)))


def keys(batches):
    return sorted(image.tobytes() for batch in batches for image in batch["image"])


def test_an_epoch_shows_every_pair_at_most_once(train):
    per_epoch = data.steps_per_epoch(len(train), 8)
    epoch = take(data.train_batches(train, modalities(), SEED, 8, 0), per_epoch)
    assert len(set(keys(epoch))) == per_epoch * 8


def test_epochs_differ_in_order_and_repeat_from_the_seed(train):
    per_epoch = data.steps_per_epoch(len(train), 8)
    stream = lambda seed: take(data.train_batches(train, modalities(), seed, 8, 0), per_epoch + 1)
    first, again, other = stream(SEED), stream(SEED), stream(SEED + 1)
    assert all(equal(a, b) for a, b in zip(first, again))
    assert not equal(first[0], first[per_epoch])
    assert not equal(first[0], other[0])


@pytest.mark.parametrize("augment", [False, True])
def test_a_stream_continues_at_any_batch(train, augment):
    per_epoch = data.steps_per_epoch(len(train), 8)
    stream = lambda first: data.train_batches(train, modalities(), SEED, 8, first, augment)
    whole = take(stream(0), 2 * per_epoch)
    for start in (1, per_epoch - 1, per_epoch, per_epoch + 1):
        rest = next(stream(start))
        assert equal(rest, whole[start])


def test_processes_share_the_batch_of_one(train):
    one = next(data.train_batches(train, modalities(), SEED, 8, 0))
    half = lambda i: data.train_batches(train, modalities(), SEED, 8, 0, False, i, 2)
    parts = [next(half(i)) for i in range(2)]
    assert np.array_equal(np.concatenate([part["image"] for part in parts]), one["image"])


def test_the_order_is_that_of_one_permutation_an_epoch(train):
    """As it has always been: runs go on where they were."""
    per_epoch = data.steps_per_epoch(len(train), 8)
    kinds = modalities()
    order = lambda epoch: tf.random.experimental.stateless_shuffle(
        tf.range(len(train)), seed=tf.constant([SEED, epoch], tf.int64)
    ).numpy()
    stored = kinds["caption"].stored(train)
    for shares in ({}, {"pair": 1.0, "caption": 0.0}):
        stream = data.train_batches(train, kinds, SEED, 8, per_epoch - 1, shares=shares)
        last, first = take(stream, 2)
        assert np.array_equal(last["caption"], stored[order(0)[(per_epoch - 1) * 8 :][:8]])
        assert np.array_equal(first["caption"], stored[order(1)[:8]])


SHARES = {"pair": 0.5, "caption": 0.375, "image": 0.125}  # of 8 rows: 4, 3, 1


@pytest.fixture(scope="module")
def mixed(train):
    """The same rows, of which some lack a picture and some a caption."""
    number = np.arange(len(train))
    present = {"image": number % 3 != 0, "caption": number % 5 != 1}
    present["image"] |= ~present["caption"]
    files = np.where(present["image"], train.images.numpy(), b"")
    ids = [i if has else i[:0] for i, has in zip(train.caption_ids, present["caption"])]
    return dataclasses.replace(train, images=tf.constant(files), caption_ids=ids, present=present)


def kinds_of(batch):
    image, caption = (batch["present"][name] for name in ("image", "caption"))
    return [int(np.sum(rows)) for rows in (image & caption, ~image & caption, image & ~caption)]


def test_shares_fix_what_a_batch_holds(mixed):
    stream = data.train_batches(mixed, modalities(), SEED, 8, 0, augment=True, shares=SHARES)
    for batch in take(stream, 12):
        assert kinds_of(batch) == [4, 3, 1]
        blank = batch["image"][~batch["present"]["image"]]
        assert len(np.unique(blank)) <= 2, "black, or paper that came in at an edge"
        assert np.all(batch["caption"][~batch["present"]["caption"]] == 0)


def test_without_shares_rows_come_as_the_set_has_them(mixed):
    batches = take(data.train_batches(mixed, modalities(), SEED, 8, 0), len(mixed) // 8)
    held = np.sum([kinds_of(batch) for batch in batches], axis=0)
    assert np.all(held > 0) and len({tuple(kinds_of(batch)) for batch in batches}) > 1


def test_each_kind_passes_through_its_rows_before_it_repeats_one(mixed):
    alone = ~mixed.present["caption"]
    stream = data.train_batches(mixed, modalities(), SEED, 8, 0, shares=SHARES)
    shown = [b["image"][~b["present"]["caption"]] for b in take(stream, 2 * sum(alone))]
    first, second = shown[: sum(alone)], shown[sum(alone) :]
    names = lambda part: sorted(image.tobytes() for rows in part for image in rows)
    assert len(set(names(first))) == sum(alone) and names(first) == names(second)


def test_a_stream_with_shares_continues_at_any_batch(mixed):
    stream = lambda first: data.train_batches(
        mixed, modalities(), SEED, 8, first, augment=True, shares=SHARES
    )
    whole = take(stream(0), 15)
    for start in (1, 4, 7, 13):  # passes of the three kinds end at different batches
        assert equal(next(stream(start)), whole[start])


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_and_devices_share_a_mixed_batch(mixed, processes):
    part = lambda i, n: next(
        data.train_batches(mixed, modalities(), SEED, 16, 5, True, i, n, shares=SHARES)
    )
    one, parts = part(0, 1), [part(i, processes) for i in range(processes)]
    for name in ("image", "caption"):
        assert np.array_equal(np.concatenate([p[name] for p in parts]), one[name])
    pairs = [kinds_of(p)[0] for p in parts]
    assert max(pairs) - min(pairs) <= 1, "every process has pairs to align"


def test_evaluation_batches_carry_what_is_present(mixed):
    batch = next(data.eval_batches(mixed, modalities(), len(mixed)))
    for name, has in mixed.present.items():
        assert np.array_equal(batch["present"][name], has)


def test_augmentation_moves_pictures_and_keeps_captions(train):
    plain = next(data.train_batches(train, modalities(), SEED, 8, 0))
    moved = next(data.train_batches(train, modalities(), SEED, 8, 0, augment=True))
    assert np.array_equal(plain["caption"], moved["caption"])
    assert moved["image"].dtype == np.uint8
    changed = np.abs(plain["image"].astype(int) - moved["image"]).mean(axis=(1, 2, 3))
    assert np.all(changed > 0) and np.mean(changed) < 64


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_counts_every_pair_once(train, processes):
    seen, batches = [], set()
    for process in range(processes):
        own = list(data.eval_batches(train, modalities(), 16, process, processes))
        batches.add(len(own))
        seen += [image.tobytes() for batch in own for image in batch["image"][batch["mask"]]]
    stored = list(data.eval_batches(train, modalities(), len(train)))
    assert sorted(seen) == keys(stored)
    assert len(batches) == 1


def test_captions_end_and_are_cut(train):
    length = 4
    batch = next(data.eval_batches(train, modalities(data__caption_length=length), len(train)))
    assert batch["caption"].shape == (len(train), length)
    assert np.all((batch["caption"] == 3).sum(axis=1) == 1)


def test_labels_are_the_stored_attributes(train):
    """A caption of level 1 is the shape; what the data set does not tell is unknown."""
    kinds = modalities()
    kinds["label"] = Label((("shape", sprites.VALUES["shape"]), ("unknown", ("a", "b"))))
    batch = next(data.eval_batches(train, kinds, len(train)))
    shown = kinds["label"].shown(batch["label"])
    assert shown == [f"shape={caption}" for caption in train.captions]
    assert batch["label"].dtype == np.int32 and np.all(batch["label"][:, 1] == 0)
    assert batch["present"]["label"].all()


def test_rows_without_attributes_have_no_label(train):
    kinds = {"label": Label((("shape", sprites.VALUES["shape"]),))}
    bare = dataclasses.replace(train, attributes=[{}, *train.attributes[1:]])
    batch = next(data.eval_batches(bare, kinds, len(train)))
    assert not batch["present"]["label"][0] and batch["present"]["label"][1:].all()
    assert batch["label"][0] == 0


def test_a_stored_class_that_the_configuration_lacks_is_refused(train):
    with pytest.raises(UserError, match="is no class of this model; it knows: nothing"):
        next(data.eval_batches(train, {"label": Label((("shape", ("nothing",)),))}, 8))


def test_a_bad_picture_is_named(train):
    bad = records.Records(
        images=tf.tensor_scatter_nd_update(train.images, [[5]], [b"no picture"]),
        captions=train.captions,
        caption_ids=train.caption_ids,
        ids=train.ids,
        attributes=train.attributes,
    )
    with pytest.raises(UserError, match=train.ids[5]):
        list(data.eval_batches(bad, modalities(), 16))


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match="batch_size=5 or less"):
        data.steps_per_epoch(5, 8)
