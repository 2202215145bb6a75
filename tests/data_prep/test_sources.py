"""Where pairs come from, and the sentences users read when a source is wrong."""

import json
import urllib.error

import numpy as np
import pytest

from data_prep.sources import catalogue
from mmvae.errors import UserError
from support.preparing import put, read


def test_table_with_other_column_names_and_a_group(tmp_path):
    put(tmp_path, "captions.csv", "\ufefffile,text,book,split\r\na.png,A ship,7,test\r\n")
    (pair,) = read(
        f"folder:{tmp_path}", image_column="file", caption_column="text", group_column="book"
    )
    assert (pair.id, pair.caption, pair.group, pair.split) == ("a.png", "A ship", "7", "test")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.tsv", "image\tcaption\na.png\tA ship\n"),
        ("captions.jsonl", '{"image": "a.png", "caption": "A ship"}\n\n'),
        ("metadata.csv", "image,caption\na.png,A ship\n"),
    ],
)
def test_tables_of_every_kind(tmp_path, name, content):
    put(tmp_path, name, content)
    assert [pair.caption for pair in read(f"folder:{tmp_path}")] == ["A ship"]
    assert read(f"folder:{tmp_path / name}") == read(f"folder:{tmp_path}")


def test_sidecars_and_odd_file_names(tmp_path):
    put(tmp_path, "deep/größe 猫.png", b"")
    put(tmp_path, "deep/größe 猫.txt", "A cat")
    put(tmp_path, "alone.JPG", b"")
    (tmp_path / b"bad\xff.png".decode(errors="surrogateescape")).write_bytes(b"")
    pairs = read(f"folder:{tmp_path}")
    assert {pair.id: pair.caption for pair in pairs} == {
        "alone.JPG": "",
        "bad\\xff.png": "",
        "deep/größe 猫.png": "A cat",
    }


def test_accents_are_found_however_the_disk_stores_them(tmp_path):
    put(tmp_path, "cafe\u0301.png", b"x")
    put(tmp_path, "captions.csv", "image,caption\ncaf\u00e9.png,A café\n")
    assert read(f"folder:{tmp_path}")[0].image.exists()


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", ""])
def test_pictures_outside_the_folder_are_not_read(tmp_path, name):
    put(tmp_path, "secret.png", b"x")
    put(tmp_path, "set/captions.csv", f"image,caption\n{name},A secret\n")
    assert not read(f"folder:{tmp_path / 'set'}")[0].image.exists()


def test_several_sources_and_several_captions_keep_their_ids_apart(tmp_path):
    put(tmp_path, "captions.csv", "image,caption\na.png,One\na.png,Two\n")
    spec = f"folder:{tmp_path}"
    assert [pair.id for pair in read(spec)] == ["a.png", "a.png#2"]
    assert [pair.id for pair in read(spec, spec)] == [
        "1/a.png",
        "1/a.png#2",
        "2/a.png",
        "2/a.png#2",
    ]


def test_coco(tmp_path):
    annotations = {
        "images": [{"id": 4, "file_name": "a.jpg"}, {"id": 5, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 4, "caption": "A ship"},
            {"image_id": 4, "caption": "A boat"},
            {"image_id": 9, "caption": "Nothing to see"},
        ],
    }
    put(tmp_path, "captions.json", json.dumps(annotations))
    pairs = read(f"coco:{tmp_path}/captions.json,{tmp_path}")
    assert [(pair.picture, pair.caption) for pair in pairs[:2]] == [
        ("a.jpg", "A ship"),
        ("a.jpg", "A boat"),
    ]
    assert not pairs[2].image.exists()
    assert (pairs[3].picture, pairs[3].caption) == ("b.jpg", "")


def test_a_line_without_a_picture_is_still_a_pair(tmp_path):
    put(tmp_path, "captions.jsonl", '{"image": "a.png", "caption": "A ship"}\n{"caption": "B"}\n')
    pairs = read(f"folder:{tmp_path}")
    assert [(pair.picture, pair.caption) for pair in pairs] == [
        ("a.png", "A ship"),
        ("captions.jsonl line 2", "B"),
    ]


def test_captions_of_tfds_in_a_sequence_or_nested():
    words = np.array([b"A ship", "Größe".encode()], object)
    assert catalogue.texts(b"A ship") == [b"A ship"]
    assert catalogue.texts(words) == [*words]
    assert catalogue.texts(words[:0]) == [b""]
    assert catalogue.texts({"id": np.array([1, 2]), "text": words}) == [*words]


def test_sprites_do_not_depend_on_how_many_are_drawn():
    few, more = read("sprites:2"), read("sprites:2", num_pairs=5)
    assert few == more[:3]
    assert json.loads(few[0].attributes)["shape"] in few[0].caption
    assert few[0].rendered


def offline(url, timeout):
    raise urllib.error.URLError("no network")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "folder:DIR"),
        ("ftp:DIR", "folder:DIR"),
        ("folder:", "folder:DIR"),
        ("folder:{}/none", "is not a folder"),
        ("folder:{}/empty", "needs captions.csv"),
        ("folder:{}/columns", "no column caption; it has: image, text"),
        ("folder:{}/latin", "save it as UTF-8"),
        ("folder:{}/broken", "cannot be read as JSON lines: line 1"),
        ("folder:{}/norows", "has no rows"),
        ("coco:{}/none.json", "coco:ANNOTATIONS.json,IMAGES"),
        ("coco:{}/none.json,{}", "none.json cannot be read"),
        ("coco:{}/instances.json,{}", "not a COCO captions file"),
        ("gutenberg:{}/none", "type gutenberg:DIR"),
        ("gutenberg:{}/empty", "no .htm"),
        ("gutenberg:{}/instances.json", "not a zip archive"),
        ("gutenberg:30181", "could not be downloaded"),
        ("tfds:no_such_set", "cannot be prepared"),
        ("sprites:easy", "is not a level"),
        ("sprites:99", "cannot be drawn"),
    ],
)
def test_wrong_sources_are_explained(tmp_path, monkeypatch, spec, message):
    monkeypatch.setattr("urllib.request.urlopen", offline)
    (tmp_path / "empty").mkdir()
    put(tmp_path, "columns/captions.csv", "image,text\na.png,A ship\n")
    put(tmp_path, "latin/captions.csv", "image,caption\na.png,Größe\n".encode("latin-1"))
    put(tmp_path, "broken/captions.jsonl", "{not json\n")
    put(tmp_path, "norows/captions.csv", "image,caption\n")
    put(tmp_path, "instances.json", '{"images": [], "annotations": [{"image_id": 1}]}')
    with pytest.raises(UserError, match=".") as error:
        read(spec.replace("{}", str(tmp_path)))
    assert message in str(error.value)
