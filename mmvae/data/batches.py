"""Records to batches: a shuffled training stream that can start at any batch, and padded,
masked evaluation batches.

Batch k is a pure function of (seed, k), so its number is the whole position to save. The
order is that of the global batch: any number of processes together see the same pairs.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Bool

from mmvae.data import pools
from mmvae.data.modalities import Modality
from mmvae.data.records import Records
from mmvae.errors import UserError

# A zoom of up to 8 % and a shift of up to 4 % leave lettering readable.
_ZOOM, _SHIFT = 0.08, 0.04
_PAPER = 255.0


def hide_accelerators() -> None:
    """Keep TensorFlow off GPUs and TPUs, whose memory belongs to JAX."""
    for kind in ("GPU", "TPU"):
        tf.config.set_visible_devices([], kind)


def steps_per_epoch(pairs: int, batch_size: int) -> int:
    """Whole batches in one pass over `pairs` training pairs.

    Raises:
        UserError: fewer pairs than one batch.
    """
    if pairs < batch_size:
        raise UserError(
            f"config.train.batch_size={batch_size} is more than the {pairs} training pairs; "
            f"type --config.train.batch_size={pairs} or less."
        )
    return pairs // batch_size


def present(
    records: Records, modalities: Mapping[str, Modality]
) -> dict[str, Bool[np.ndarray, " N"]]:
    """{name: which rows of a split have it} of a run's modalities."""
    has = dict(records.present)
    for name, modality in modalities.items():
        if modality.encoded:
            has.setdefault(name, np.ones(len(records), bool))
        else:
            has[name] = modality.present(modality.stored(records))
    return {name: has[name] for name in modalities}


def train_batches(
    records: Records,
    modalities: Mapping[str, Modality],
    seed: int,
    batch_size: int,
    first_batch: int,
    augment: bool = False,
    process: int = 0,
    processes: int = 1,
    shares: Mapping[str, float] = MappingProxyType({}),
) -> Iterator[dict[str, Any]]:
    """Endless batches of this process from global batch number `first_batch` on.

    Yields dicts of NumPy arrays with batch_size / processes rows (see docs/architecture.md).
    Each pass over rows is a fresh permutation; its remainder is left out. `augment` zooms and
    shifts pictures a little. `shares` is that of each kind of row (see `pools`); without any, a
    batch holds rows of all kinds as they come.

    Raises:
        UserError: a picture cannot be decoded (named), or too few rows for a batch.
    """
    source = _Source(records, modalities)
    parts = pools.of(source.has, shares, batch_size)
    order = pools.spread([pool.size for pool in parts])
    streams = [_permuted(pool, seed + number, first_batch) for number, pool in enumerate(parts)]
    indices = tf.data.Dataset.zip(*streams).map(
        lambda *rows: tf.gather(tf.concat(rows, axis=0), order)
    )
    share = batch_size // processes
    own = slice(process * share, (process + 1) * share)
    rows = indices.map(lambda batch: batch[own]).unbatch()
    batches = rows.map(source.row, tf.data.AUTOTUNE, deterministic=True)
    batches = batches.batch(share, drop_remainder=True)
    if augment:
        pictures = [name for name, modality in modalities.items() if modality.encoded]

        def augmented(number, batch):
            boxes = _boxes(batch_size, tf.stack([tf.constant(seed, tf.int64), number]))[own]
            return batch | {name: _crop(batch[name], boxes) for name in pictures}

        batches = batches.enumerate(first_batch).map(augmented, tf.data.AUTOTUNE)
    return _numpy(batches.prefetch(tf.data.AUTOTUNE), records)


def eval_batches(
    records: Records,
    modalities: Mapping[str, Modality],
    batch_size: int,
    process: int = 0,
    processes: int = 1,
) -> Iterator[dict[str, Any]]:
    """Every record once, in order, as this process's share of padded batches.

    All processes get the same number of batches; `mask` is False on padding rows, which
    always come last.
    """
    share = batch_size // processes
    own = np.arange(process, len(records), processes)
    count = -(-len(records) // batch_size) * share
    padded = np.concatenate([own, np.zeros(count - len(own), own.dtype)])
    mask = np.arange(count) < len(own)
    source = _Source(records, modalities)
    rows = tf.data.Dataset.from_tensor_slices((padded, mask))
    batches = rows.map(
        lambda index, real: source.row(index) | {"mask": real}, tf.data.AUTOTUNE
    ).batch(share)
    return _numpy(batches.prefetch(2), records)


def _permuted(pool, seed, first_batch):
    """Endless dataset of a pool's rows [size], from batch `first_batch` on."""
    per_epoch = steps_per_epoch(len(pool.rows), pool.size)

    def one(epoch):
        order = tf.random.experimental.stateless_shuffle(
            tf.constant(pool.rows), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: per_epoch * pool.size], [per_epoch, pool.size])
        )

    epochs = tf.data.Dataset.range(first_batch // per_epoch, np.iinfo(np.int64).max)
    return epochs.flat_map(one).skip(first_batch % per_epoch)


class _Source:
    """A split in memory: encoded files, and arrays of the other modalities."""

    def __init__(self, records, modalities):
        self.modalities, self.has = modalities, present(records, modalities)
        self.data = {name: tf.constant(m.stored(records)) for name, m in modalities.items()}
        self.present = {name: tf.constant(has) for name, has in self.has.items()}

    def row(self, index):
        return {name: self._one(name, index) for name in self.modalities} | {
            "present": {name: shown[index] for name, shown in self.present.items()},
            "mask": True,
        }

    def _one(self, name, index):
        modality, data = self.modalities[name], self.data[name]
        if not modality.encoded:
            return data[index]
        decode = lambda: _decoded(data[index], modality.shape)
        if np.all(self.has[name]):
            return decode()
        blank = tf.constant(modality.blank(1)[0])
        return tf.cond(self.present[name][index], decode, lambda: blank)


def _decoded(file, shape):
    picture = tf.io.decode_image(file, channels=shape[-1], expand_animations=False)
    return tf.ensure_shape(picture, shape)


def _boxes(count, seed):
    """Crop boxes [count, 4] (top, left, bottom, right; 0 to 1) of a small zoom and shift."""
    zoom, down, right = tf.unstack(
        tf.random.stateless_uniform([3, count], seed, minval=-1.0, maxval=1.0)
    )
    half = 0.5 - 0.25 * _ZOOM * (zoom + 1.0)
    y, x = 0.5 + _SHIFT * down, 0.5 + _SHIFT * right
    return tf.stack([y - half, x - half, y + half, x + half], axis=1)


def _crop(images, boxes):
    cropped = tf.image.crop_and_resize(
        images, boxes, tf.range(tf.shape(images)[0]), images.shape[1:3], extrapolation_value=_PAPER
    )
    return tf.cast(tf.round(cropped), tf.uint8)


def _numpy(dataset, records):
    try:
        yield from dataset.as_numpy_iterator()
    except tf.errors.InvalidArgumentError as error:
        raise UserError(_undecodable(records)) from error


def _undecodable(records):
    for name, raw in zip(records.ids, records.images, strict=True):
        if not len(raw.numpy()):
            continue
        try:
            tf.io.decode_image(raw, expand_animations=False)
        except tf.errors.InvalidArgumentError:
            return f"picture {name} of the data set cannot be decoded; prepare the data again"
    return "a picture of the data set has another size than config.data says"
