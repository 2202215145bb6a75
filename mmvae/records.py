"""The record schema of a data set on disk: the only file that knows the stored field names.

A data set is a TensorFlow Datasets directory: TFRecord shards that
`tfds.builder_from_directory` reads without this code.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Records:
    """One split in memory, in stored order; images stay encoded.

    Attributes:
        images: N encoded pictures (PNG or JPEG bytes), a string tensor [N].
        captions: N raw captions (str, "" where there is none).
        caption_ids: N int32 arrays of piece ids, without special ids.
        ids: N names, for messages.
        attributes: N dicts of ground truth, empty where unknown.
    """

    images: tf.Tensor
    captions: list
    caption_ids: list
    ids: list
    attributes: list

    def __len__(self):
        return len(self.ids)


def features(size, channels, image_format):
    """FeaturesDict of one pair; `size` in pixels, `image_format` "png" or "jpeg"."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(
                shape=(size, size, channels), encoding_format=image_format
            ),
            "caption": tfds.features.Text(),
            "caption_ids": tfds.features.Sequence(np.int32),
            "id": tfds.features.Text(),
            "group": tfds.features.Text(),
            "attributes": tfds.features.Text(),
        }
    )


def image_shape(directory):
    """(height, width, channels) of the pictures in a data set."""
    return _builder(directory).info.features["image"].shape


def split_sizes(directory):
    """Number of pairs in each split: {name: int}."""
    return {name: info.num_examples for name, info in _builder(directory).info.splits.items()}


def read(directory, split):
    """Records of one split, in stored order.

    Raises:
        ValueError: no data set there, no such split, or a damaged shard (named).
    """
    builder = _builder(directory)
    if split not in builder.info.splits:
        known = ", ".join(sorted(builder.info.splits))
        raise ValueError(f"{directory} has no split '{split}'; it has: {known}")
    rows = _rows(builder, split)
    return Records(
        images=tf.constant([row["image"] for row in rows], tf.string),
        captions=[row["caption"] for row in rows],
        caption_ids=[row["caption_ids"] for row in rows],
        ids=[row["id"] for row in rows],
        attributes=[row["attributes"] for row in rows],
    )


def _builder(directory):
    if not (Path(directory) / "dataset_info.json").exists():
        raise ValueError(
            f"{directory} is not a prepared data set (no dataset_info.json); "
            f"make one: python -m data_prep.prepare --source SPEC --out {directory}"
        )
    return tfds.builder_from_directory(str(directory))


def _rows(builder, split):
    """Parsed records, shard by shard, so that a damaged shard is named."""
    rows = []
    for shard in builder.info.splits[split].filepaths:
        try:
            rows += [_parse(raw) for raw in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()]
        except tf.errors.OpError as error:
            raise ValueError(
                f"damaged shard {shard}: {error.message}; prepare the data set again"
            ) from error
    return rows


def _parse(raw):
    fields = tf.train.Example.FromString(raw).features.feature

    def text(name):
        return fields[name].bytes_list.value[0]

    return {
        "image": text("image"),
        "caption": text("caption").decode(),
        "caption_ids": np.array(fields["caption_ids"].int64_list.value, np.int32),
        "id": text("id").decode(),
        "attributes": json.loads(text("attributes")),
    }
