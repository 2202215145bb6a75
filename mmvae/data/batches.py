"""Records to batches: a shuffled training stream that can start at any batch, and padded,
masked evaluation batches.

Batch k is a pure function of (seed, k), so its number is the whole position to save. The
order is that of the global batch: any number of processes together see the same pairs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

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


def train_batches(
    records: Records,
    modalities: Mapping[str, Modality],
    seed: int,
    batch_size: int,
    first_batch: int,
    augment: bool = False,
    process: int = 0,
    processes: int = 1,
) -> Iterator[dict[str, Any]]:
    """Endless batches of this process from global batch number `first_batch` on.

    Yields dicts of NumPy arrays with batch_size / processes rows (see docs/architecture.md).
    Each epoch is a fresh permutation; its remainder is left out. `augment` zooms and shifts
    pictures a little.

    Raises:
        UserError: a picture cannot be decoded (named).
    """
    per_epoch = steps_per_epoch(len(records), batch_size)
    source = _Source(records, modalities)

    def permuted(epoch):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(records)), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: per_epoch * batch_size], [per_epoch, batch_size])
        )

    share = batch_size // processes
    own = slice(process * share, (process + 1) * share)
    epochs = tf.data.Dataset.range(first_batch // per_epoch, np.iinfo(np.int64).max)
    indices = epochs.flat_map(permuted).skip(first_batch % per_epoch)
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


class _Source:
    """A split in memory: encoded files, and arrays of the other modalities."""

    def __init__(self, records, modalities):
        self.modalities = modalities
        self.data = {name: tf.constant(m.stored(records)) for name, m in modalities.items()}
        self.present = {name: self._present(records, name) for name in modalities}

    def row(self, index):
        return {name: self._one(name, index) for name in self.modalities} | {
            "present": {name: shown[index] for name, shown in self.present.items()},
            "mask": True,
        }

    def _present(self, records, name):
        modality = self.modalities[name]
        if modality.encoded:
            return tf.strings.length(self.data[name]) > 0
        return tf.constant(modality.present(modality.stored(records)))

    def _one(self, name, index):
        modality, data = self.modalities[name], self.data[name]
        if not modality.encoded:
            return data[index]
        file = tf.io.decode_image(data[index], channels=modality.shape[-1], expand_animations=False)
        return tf.ensure_shape(file, modality.shape)


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
        try:
            tf.io.decode_image(raw, expand_animations=False)
        except tf.errors.InvalidArgumentError:
            return f"picture {name} of the data set cannot be decoded; prepare the data again"
    return "a picture of the data set has another size than config.data says"
