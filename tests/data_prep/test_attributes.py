"""Columns of a table as attributes: what labels and vectors are read from."""

import json

import numpy as np
import pytest

from mmvae.data import records
from mmvae.data.vectors import Vector
from mmvae.errors import UserError
from support.preparing import pictures, put, read, run

TABLE = "image,caption,height,colour\na.png,A ship,1.5,red\nb.png,A horse,,blue\n"


def test_named_columns_are_attributes_and_empty_cells_unknown(tmp_path):
    put(tmp_path, "captions.csv", TABLE)
    pairs = read(f"folder:{tmp_path}", attribute_columns=["height", "colour"])
    facts = [json.loads(pair.attributes) for pair in pairs]
    assert facts == [{"height": "1.5", "colour": "red"}, {"colour": "blue"}]
    assert [pair.attributes for pair in read(f"folder:{tmp_path}")] == ["{}", "{}"]


def test_numbers_of_other_kinds_of_tables(tmp_path):
    put(tmp_path, "captions.jsonl", '{"image": "a.png", "caption": "A ship", "height": 2}\n')
    (pair,) = read(f"folder:{tmp_path}", attribute_columns=["height"])
    assert json.loads(pair.attributes) == {"height": "2"}


def test_a_column_that_there_is_not_is_refused(tmp_path):
    put(tmp_path, "captions.csv", TABLE)
    with pytest.raises(UserError, match="heigth"):
        read(f"folder:{tmp_path}", attribute_columns=["heigth"])


def test_a_vector_reads_what_is_stored(tmp_path):
    names = [f"{i}.png" for i in range(12)]
    pictures(tmp_path / "in", *names)
    rows = [f"{name},the ship of {name[:-4]},{i / 4}" for i, name in enumerate(names)]
    put(tmp_path / "in", "captions.csv", "\n".join(["image,caption,height", *rows]) + "\n")
    flags = "--attribute-columns height"
    assert run(tmp_path / "out", f"folder:{tmp_path / 'in'}", more=flags) == 0
    stored = [records.read(tmp_path / "out", split) for split in ("train", "val")]
    heights = np.concatenate([Vector(("height",)).stored(rows) for rows in stored])
    np.testing.assert_allclose(np.sort(heights[:, 0]), np.arange(12) / 4)
