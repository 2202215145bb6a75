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

from mmvae.data.directory import INFO
from mmvae.errors import UserError

SPLITS = ("train", "val", "test")
NAME = "mmvae_pairs"
VERSION = "1.0.0"
_SHARD_BYTES = 16 * 2**20  # small enough that several hosts each get some


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


def write(directory, splits, schema, progress=iter):
    """Writes a data set; the same rows give the same bytes.

    Args:
        directory: an existing folder.
        splits: {split: list of rows}; a row is a dict with the keys of `features`, its image as
            encoded bytes and its attributes as JSON.
        schema: what `features` returned.
        progress: wraps the rows as they are written, such as a progress bar.
    """
    infos = [
        _write_split(directory, split, rows, schema, progress) for split, rows in splits.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=str(directory),
        features=schema,
        split_infos=infos,
        version=VERSION,
        filename_template=_template(directory),
        check_data=False,
        description="Pairs of a picture and its caption.",
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
        UserError: no data set there, no such split, or a damaged shard (named).
    """
    builder = _builder(directory)
    if split not in builder.info.splits:
        known = ", ".join(sorted(builder.info.splits))
        raise UserError(f"{directory} has no split '{split}'; it has: {known}")
    rows = _rows(builder, split)
    return Records(
        images=tf.constant([row["image"] for row in rows], tf.string),
        captions=[row["caption"] for row in rows],
        caption_ids=[row["caption_ids"] for row in rows],
        ids=[row["id"] for row in rows],
        attributes=[row["attributes"] for row in rows],
    )


def _template(directory, split=None):
    return tfds.core.ShardedFileTemplate(
        data_dir=directory, dataset_name=NAME, split=split, filetype_suffix="tfrecord"
    )


def _write_split(directory, split, rows, schema, progress):
    """SplitInfo of one split, written as consecutive runs of rows, a shard each."""
    size = sum(len(row["image"]) for row in rows)
    count = min(max(1, -(-size // _SHARD_BYTES)), max(1, len(rows)))
    bounds = [len(rows) * i // count for i in range(count + 1)]
    template = _template(directory, split)
    bar = progress(rows)
    for shard in range(count):
        path = template.sharded_filepath(shard_index=shard, num_shards=count)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _, row in zip(range(bounds[shard + 1] - bounds[shard]), bar, strict=False):
                writer.write(_serialize(schema, row))
    return tfds.core.SplitInfo(
        name=split,
        shard_lengths=[b - a for a, b in zip(bounds, bounds[1:], strict=False)],
        num_bytes=size,
        filename_template=template,
    )


def _serialize(schema, row):
    """Bytes of one row; a protobuf map has no order of its own, so one is asked for."""
    raw = schema.serialize_example(schema.encode_example(row))
    return tf.train.Example.FromString(raw).SerializeToString(deterministic=True)


def _builder(directory):
    if not (Path(directory) / INFO).exists():
        raise UserError(
            f"{directory} is not a prepared data set (no {INFO}); "
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
            raise UserError(
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
