"""The record schema of a data set on disk: the only file that knows the stored field names.

A data set is a TensorFlow Datasets directory: TFRecord shards that
`tfds.builder_from_directory` reads without this code.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf.message import DecodeError
from jaxtyping import Bool, Int32

from mmvae.data.directory import INFO
from mmvae.errors import UserError

SPLITS = ("train", "val", "test")
NAME = "mmvae_pairs"
VERSION = "1.0.0"
STORED = ("image", "caption")  # what `present` tells of
Row = dict[str, Any]  # by the names of `features`
_AT_ONCE = 1024  # records; one by one, the iterator takes longer than all else
_SHARD_BYTES = 16 * 2**20  # small enough that several hosts each get some


@dataclass(frozen=True)
class Records:
    """One split in memory, in stored order; images stay encoded.

    Attributes:
        images: encoded pictures (PNG or JPEG bytes), "" where there is none: a string tensor [N].
        captions: raw captions, "" where there is none.
        caption_ids: ids of their pieces, without special ids.
        ids: names, for messages.
        attributes: ground truth by name, empty where unknown.
        present: {"image", "caption"}: which rows have one; a name that is not there: all.
    """

    images: tf.Tensor
    captions: list[str]
    caption_ids: list[Int32[np.ndarray, " L"]]
    ids: list[str]
    attributes: list[dict[str, str]]
    present: Mapping[str, Bool[np.ndarray, " N"]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def pairs(self) -> "Records":
        """The rows that have all that some row has; all rows where none has."""
        held = [has for has in self.present.values() if np.any(has)]
        complete = np.all(held, axis=0) if held else np.ones(len(self), bool)
        if np.all(complete) or not np.any(complete):
            return self
        taken = np.flatnonzero(complete)
        lists = (self.captions, self.caption_ids, self.ids, self.attributes)
        return Records(
            tf.gather(self.images, taken),
            *([values[row] for row in taken] for values in lists),
            {name: has[taken] for name, has in self.present.items()},
        )


def features(
    size: int, channels: int, image_format: str, lacking: bool = False
) -> tfds.features.FeaturesDict:
    """The schema of one row.

    Args:
        size: of the pictures, in pixels.
        channels: of the pictures.
        image_format: "png" or "jpeg".
        lacking: whether some rows lack a picture or a caption. Then each says in `present` what
            it has, and a blank picture stands where there is none.
    """
    image = tfds.features.Image(shape=(size, size, channels), encoding_format=image_format)
    present = {"present": dict.fromkeys(STORED, np.bool_)} if lacking else {}
    return tfds.features.FeaturesDict(
        {
            "image": image,
            "caption": tfds.features.Text(),
            "caption_ids": tfds.features.Sequence(np.int32),
            "id": tfds.features.Text(),
            "group": tfds.features.Text(),
            "attributes": tfds.features.Text(),
        }
        | present
    )


def write(
    directory: Path,
    splits: dict[str, list[Row]],
    schema: tfds.features.FeaturesDict,
    progress: Callable[[list[Row]], Iterator[Row]] = iter,
) -> None:
    """Write a data set; the same rows give the same bytes.

    Args:
        directory: an existing folder.
        splits: rows by split; the image of a row is encoded bytes, its attributes are JSON.
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


def image_shape(directory: str | Path) -> tuple[int, int, int]:
    """(height, width, channels) of the pictures in a data set."""
    return _builder(directory).info.features["image"].shape


def read(directory: str | Path, split: str) -> Records:
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
        images=tf.constant(
            [row["image"] if row["present"]["image"] else b"" for row in rows], tf.string
        ),
        captions=[row["caption"] for row in rows],
        caption_ids=[row["caption_ids"] for row in rows],
        ids=[row["id"] for row in rows],
        attributes=[row["attributes"] for row in rows],
        present={name: np.array([row["present"][name] for row in rows], bool) for name in STORED},
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


def _serialize(schema: tfds.features.FeaturesDict, row: Row) -> bytes:
    """Bytes of one row; a protobuf map has no order of its own, so one is asked for."""
    raw = schema.serialize_example(schema.encode_example(row))
    return tf.train.Example.FromString(raw).SerializeToString(deterministic=True)


def _builder(directory: str | Path) -> tfds.core.DatasetBuilder:
    if not (Path(directory) / INFO).exists():
        raise UserError(
            f"{directory} is not a prepared data set (no {INFO}); "
            f"make one: python -m data_prep.prepare --source SPEC --out {directory}"
        )
    try:
        return tfds.builder_from_directory(str(directory))
    except Exception as error:  # TFDS raises what its readers of JSON do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{directory} is damaged ({reason}); prepare the data set again") from error


def _rows(builder: tfds.core.DatasetBuilder, split: str) -> list[Row]:
    """Parsed records, shard by shard, so that a damaged shard is named."""
    rows, info = [], builder.info.splits[split]
    for shard, length in zip(info.filepaths, info.shard_lengths, strict=True):
        try:
            parts = tf.data.TFRecordDataset(str(shard)).batch(_AT_ONCE).as_numpy_iterator()
            new = [_parse(raw) for part in parts for raw in part]
        except tf.errors.OpError as error:
            raise UserError(
                f"damaged shard {shard}: {error.message}; prepare the data set again"
            ) from error
        except (DecodeError, IndexError, ValueError) as error:
            raise UserError(
                f"{shard} holds no pairs as data_prep writes them; prepare the set: "
                f"python -m data_prep.prepare --source tfds:{builder.data_dir} --out NEW"
            ) from error
        if len(new) != length:
            raise UserError(
                f"damaged shard {shard}: {len(new)} rows of {length}; prepare the data set again"
            )
        rows += new
    return rows


def _parse(raw: bytes) -> Row:
    fields = tf.train.Example.FromString(raw).features.feature

    def text(name):
        return fields[name].bytes_list.value[0]

    ids = np.array(fields["caption_ids"].int64_list.value, np.int32)
    has = {"image": True, "caption": len(ids) > 0}  # of a set in which no row says it
    said = {name: f"present/{name}" for name in STORED if f"present/{name}" in fields}
    return {
        "image": text("image"),
        "caption": text("caption").decode(),
        "caption_ids": ids,
        "id": text("id").decode(),
        "attributes": json.loads(text("attributes")),
        "present": has | {name: bool(fields[f].int64_list.value[0]) for name, f in said.items()},
    }
