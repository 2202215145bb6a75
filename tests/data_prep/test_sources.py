"""Where pairs come from, and the sentences users read when a source is wrong."""

import json
import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data_prep.sources import catalogue, gutenberg
from mmvae.errors import UserError
from support.drawings import drawing, to_bytes
from support.places import shared
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
    assert [(pair.picture, pair.caption) for pair in pairs] == [("a.png", "A ship"), ("", "B")]


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


PAGE = b"""<html><body>
<figure><img src="a.png" alt="Fig. 1."><figcaption>In the figure</figcaption></figure>
<div class="figcenter"><a href="big.png"><img src="b.png " alt="Fig. 2."></a>
  <p class="caption">In the <i>class</i><span class="pagenum">[Pg 9]</span></p></div>
<p class="ctr"><img src="c%20c.png" alt=""></p><p class="ctr">In the centre</p>
<p><img src="d.png" alt="In the alt"></p><p>Running text of the book.</p>
<p><a id="plate5"></a><img src="e.png" alt="Illustration"></p><p>More text.</p>
<p><img src="f.png"></p><p>No caption at all.</p>
<p><img src="http://elsewhere.org/g.png" alt="Elsewhere"></p>
<ul><li><a href="#plate5">In the list</a> <a href="#p9">9</a></li></ul></body></html>"""


def test_captions_of_a_page_are_found_wherever_the_edition_puts_them():
    assert list(gutenberg.read_page(PAGE)) == [
        ("a.png", "In the figure"),
        ("b.png", "In the class"),
        ("c%20c.png", "In the centre"),
        ("d.png", "In the alt"),
        ("e.png", "In the list"),
        ("f.png", ""),
        ("http://elsewhere.org/g.png", "Elsewhere"),
    ]


def test_book_from_a_folder_a_zip_and_a_download_agree(tmp_path, monkeypatch):
    put(tmp_path, "77777/77777-h.htm", PAGE)
    put(tmp_path, "77777/b.png", to_bytes(drawing(1)))
    archive = tmp_path / "pg77777-h.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "77777").iterdir():
            file.write(path, path.name)
    unpacked = read(f"gutenberg:{tmp_path / '77777'}")
    packed = read(f"gutenberg:{archive}")
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: archive.open("rb"))
    downloaded = read("gutenberg:77777")
    assert [p.id for p in unpacked] == [p.id for p in packed] == [p.id for p in downloaded]
    assert {p.group for p in unpacked} == {"77777"}
    assert unpacked[1].image.read_bytes() == packed[1].image == downloaded[1].image
    assert unpacked[6].image == b""  # the picture elsewhere is not fetched


def test_books_keep_their_pictures_and_chapters_their_book(tmp_path):
    page = b'<figure><img src="images/001.png"><figcaption>A heron.</figcaption></figure>'
    pages = [
        "30181-h/chapter1.htm",
        "30181-h/chapter12.htm",
        "herons/index.html",
        "owls/index.html",
    ]
    for number, path in enumerate(pages):
        put(tmp_path, f"books/{path}", page)
        put(tmp_path, f"books/{Path(path).parent}/images/001.png", to_bytes(drawing(number)))
    pairs = read(f"gutenberg:{tmp_path / 'books'}")
    assert [pair.group for pair in pairs] == ["30181", "30181", "books/herons", "books/owls"]
    assert len({(pair.picture, pair.image) for pair in pairs}) == 3


def test_a_damaged_picture_in_an_archive_is_left_to_cleaning(tmp_path):
    archive = tmp_path / "pg77777-h.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("77777-h.htm", '<img src="a.png" alt="A heron.">')
        file.writestr("a.png", b"A" * 100)
    archive.write_bytes(archive.read_bytes().replace(b"A" * 100, b"B" * 100))
    (pair,) = read(f"gutenberg:{archive}")
    assert pair.image == b"" and pair.caption == "A heron."
    archive.write_bytes(archive.read_bytes().replace(b"<img", b"<IMG"))
    with pytest.raises(UserError, match="77777-h.htm is damaged"):
        read(f"gutenberg:{archive}")


def test_archives_that_grow_too_large_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.htm", b" " * 100_000)
    monkeypatch.setattr(gutenberg, "MAX_FILE", 50_000)
    with pytest.raises(UserError, match="more than is safe"):
        read(f"gutenberg:{tmp_path / 'a.zip'}")


@pytest.mark.parametrize(
    ("book", "pictures", "sample"), [("11073", 29, "THE AUK"), ("30181", 111, "Hydnum repandum.")]
)
def test_real_books(book, pictures, sample):
    pairs = read(f"gutenberg:{shared('gutenberg', book)}")
    assert len(pairs) == pictures
    assert all(pair.caption and pair.image.exists() and pair.group == book for pair in pairs)
    assert any(sample in pair.caption for pair in pairs)


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
