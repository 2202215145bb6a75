"""Records that lack a picture or a caption, written and read back."""

import dataclasses

import numpy as np
import pytest
import tensorflow_datasets as tfds

from data_prep.stages import images
from mmvae.data import records
from support.drawings import drawing

KINDS = {"pair": (True, True), "prose": (False, True), "cut": (True, False)}


def row(number, kind):
    image, caption = KINDS[kind]
    text = f"the {kind} {number}" if caption else ""
    return {
        "image": images.as_file(drawing(number, 16, 16).convert("L"), "png"),
        "caption": text,
        "caption_ids": [5, 6, number] if caption else [],
        "id": f"{kind} {number}",
        "group": "a book",
        "attributes": "{}",
        "present": {"image": image, "caption": caption},
    }


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    rows = [row(i, kind) for i, kind in enumerate(["pair", "prose", "cut", "pair", "prose"])]
    schema = records.features(16, 1, "png", lacking=True)
    records.write(folder, {"train": rows, "val": rows[1:2]}, schema)
    return folder


def test_what_rows_lack_is_read_back(mixed):
    train = records.read(mixed, "train")
    assert train.present["image"].tolist() == [True, False, True, True, False]
    assert train.present["caption"].tolist() == [True, True, False, True, True]
    files = [len(file) > 0 for file in train.images.numpy()]
    assert files == train.present["image"].tolist(), "a blank picture is none"


def test_pairs_have_both(mixed):
    pairs = records.read(mixed, "train").pairs
    assert pairs.ids == ["pair 0", "pair 3"] and len(pairs.images) == 2
    assert pairs.captions == ["the pair 0", "the pair 3"]
    assert pairs.pairs is pairs and all(map(np.all, pairs.present.values()))


def test_where_no_row_is_a_pair_every_row_counts(mixed):
    assert len(records.read(mixed, "val").pairs) == 1
    cuts = records.read(mixed, "train")
    present = {"image": np.ones(5, bool), "caption": np.zeros(5, bool)}
    assert len(dataclasses.replace(cuts, present=present).pairs) == 5


def test_other_programs_read_every_row(mixed):
    rows = list(tfds.builder_from_directory(mixed).as_dataset(split="train").as_numpy_iterator())
    assert [bool(row["present"]["image"]) for row in rows] == [True, False, True, True, False]
    assert all(row["image"].shape == (16, 16, 1) for row in rows)


def test_a_set_that_does_not_say_what_is_present_has_all(sprites_dataset):
    train = records.read(sprites_dataset, "train")
    assert all(map(np.all, train.present.values())) and train.pairs is train
    features = tfds.builder_from_directory(sprites_dataset).info.features
    assert "present" not in features
