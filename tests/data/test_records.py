"""A data set on disk: read as it was written, or refused with what is wrong."""

import json

import pytest
import tensorflow as tf

from mmvae.data import records
from mmvae.data.directory import INFO
from mmvae.errors import UserError
from support.drawings import drawing, to_bytes

ROWS = [
    {
        "image": to_bytes(drawing(number, 16, 16)),
        "caption": f"ship {number}",
        "caption_ids": [number, 7],
        "id": f"{number}.png",
        "group": "",
        "attributes": json.dumps({"shape": "ship"}),
    }
    for number in range(4)
]


@pytest.fixture
def data(tmp_path):
    """A data set of one split."""
    records.write(tmp_path, {"train": ROWS}, records.features(16, 1, "png"))
    return tmp_path


def shard(data):
    (path,) = data.glob("*.tfrecord*")
    return path


def test_what_was_written_is_read(data):
    read = records.read(data, "train")
    assert read.captions == [row["caption"] for row in ROWS]
    assert [list(ids) for ids in read.caption_ids] == [row["caption_ids"] for row in ROWS]
    assert [image.numpy() for image in read.images] == [row["image"] for row in ROWS]


@pytest.mark.parametrize("place", [20, -20])
def test_a_flipped_byte_is_noticed(data, place):
    content = bytearray(shard(data).read_bytes())
    content[place] ^= 1
    shard(data).write_bytes(bytes(content))
    with pytest.raises(
        UserError, match=f"damaged shard {shard(data)}: .*; prepare the data set again"
    ):
        records.read(data, "train")


def test_rows_that_are_missing_are_noticed(data):
    raw = list(tf.data.TFRecordDataset(str(shard(data))).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(shard(data))) as writer:
        for row in raw[:3]:
            writer.write(row)
    with pytest.raises(UserError, match="damaged shard .*: 3 rows of 4"):
        records.read(data, "train")


@pytest.mark.parametrize("content", [b"\xff" * 30, b""])
def test_rows_of_another_program_are_refused(data, content):
    with tf.io.TFRecordWriter(str(shard(data))) as writer:
        for _ in ROWS:
            writer.write(content)
    with pytest.raises(UserError, match="holds no pairs as data_prep writes them; prepare the set"):
        records.read(data, "train")


@pytest.mark.parametrize("name", [INFO, "features.json"])
def test_damaged_descriptions_are_refused(data, name):
    (data / name).write_text("{")
    with pytest.raises(UserError, match=f"{data} is damaged .*; prepare the data set again"):
        records.read(data, "train")
