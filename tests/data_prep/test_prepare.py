"""The command, from raw files to a data set that TensorFlow Datasets reads."""

import csv
import filecmp
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from data_prep import prepare
from mmvae.data import records
from mmvae.data.text import Tokenizer, verdict
from support.drawings import bomb, coloured, drawing, to_bytes
from support.places import shared

USABLE_ENGRAVINGS = 5141
WORDS = ("ship", "horse", "tower", "bird", "lion", "tree", "king", "river")


def make_folder(root):
    """40 good pairs in 8 books, and one of each kind of trouble in book 1."""
    good = {f"größe_{i}.png": to_bytes(drawing(i)) for i in range(40)}
    bad = {
        "cut.jpg": to_bytes(drawing(50), "JPEG")[:-300],
        "bomb.png": bomb(),
        "blank.png": to_bytes(Image.new("L", (80, 80), 255)),
        "strip.png": to_bytes(drawing(51, 40, 300)),
        "copy.png": good["größe_3.png"],
        "smaller.png": to_bytes(drawing(4, 70, 70)),
        "untold.png": to_bytes(drawing(52)),
        "numbered.png": to_bytes(drawing(53)),
        "cmyk.jpg": to_bytes(drawing(54).convert("CMYK"), "JPEG"),
        "palette.gif": to_bytes(drawing(55).convert("P"), "GIF"),
    }
    for name, content in (good | bad).items():
        (root / name).write_bytes(content)
    rows = [
        [name, f"Fig. {i}.—The {WORDS[i % 8]} and the {WORDS[i // 8]}", i % 8]
        for i, name in enumerate(good)
    ]
    rows += [[name, "A ship", 1] for name in bad if name not in ("untold.png", "numbered.png")]
    rows += [["untold.png", "", 1], ["numbered.png", "Fig. 9.", 1], ["missing.png", "A ship", 1]]
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "caption", "book"], *rows])


def run(source, out, *more):
    arguments = ["--source", str(source), "--out", str(out), "--image-size", "32"]
    return prepare.main([*arguments, "--workers", "1", "--vocab-size", "400", *more])


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp("raw")
    make_folder(root)
    return f"folder:{root}"


@pytest.fixture(scope="module")
def prepared(raw, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "set"
    assert run(raw, out, "--group-column", "book") == 0
    return out


def rejected(out):
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def card(out):
    return json.loads((out / "card.json").read_text(encoding="utf-8"))


def identical(first, second):
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    return filecmp.cmpfiles(first, second, names, shallow=False)[0] == names


def test_tfds_reads_it_alone_and_elsewhere(prepared, tmp_path):
    moved = shutil.copytree(prepared, tmp_path / "moved")
    builder = tfds.builder_from_directory(str(moved))
    rows = [
        row for split in builder.info.splits for row in tfds.as_numpy(builder.as_dataset(split))
    ]
    assert len(rows) == card(prepared)["counts"]["kept"] == 42
    assert {row["image"].shape for row in rows} == {(32, 32, 1)}
    assert b"The ship and the ship" in {row["caption"] for row in rows}
    assert {row["group"] for row in rows} == {str(i).encode() for i in range(8)}


def test_everything_left_out_has_its_reason(prepared):
    reasons = {name: row["reason"] for name, row in rejected(prepared).items()}
    assert reasons == {
        "cut.jpg": "picture truncated",
        "bomb.png": "picture too large (decompression bomb)",
        "blank.png": "picture blank",
        "strip.png": "picture too long",
        "copy.png": "exact duplicate picture",
        "smaller.png": "near-duplicate picture",
        "untold.png": "no caption",
        "numbered.png": "caption is only a label or a number",
        "missing.png": "picture file missing",
    }
    assert rejected(prepared)["copy.png"]["detail"] == "duplicate of größe_3.png"
    counts = card(prepared)["counts"]
    assert counts["found"] == counts["kept"] + counts["rejected"] == 51


def test_no_book_is_in_two_splits(prepared):
    books = books_of(prepared)
    assert set(books) == {"train", "val", "test"}
    assert sum(len(found) for found in books.values()) == 8


def test_groups_can_be_taken_alone_or_left_out(raw, tmp_path):
    by_book = ("--group-column", "book")
    assert run(raw, tmp_path / "rest", *by_book, "--without-groups", "2", "5") == 0
    assert run(raw, tmp_path / "two", *by_book, "--groups", "2", "5", "--test-fraction", "0") == 0
    found = {name: set.union(*books_of(tmp_path / name).values()) for name in ("rest", "two")}
    assert found == {"rest": {*"013467"}, "two": {*"25"}}


def books_of(out):
    """{split: its books}."""
    builder = tfds.builder_from_directory(str(out))
    return {
        split: {row["group"].decode() for row in tfds.as_numpy(builder.as_dataset(split))}
        for split in builder.info.splits
    }


def test_our_reader_agrees_with_the_card_and_the_tokenizer(prepared):
    tokenizer = Tokenizer(prepared / "tokenizer.model")
    train = records.read(prepared, "train")
    sizes = {split: len(records.read(prepared, split)) for split in records.SPLITS}
    assert sizes == card(prepared)["counts"]["splits"]
    assert records.image_shape(prepared) == (32, 32, 1)
    for caption, ids in zip(train.captions, train.caption_ids, strict=True):
        assert ids.tolist() == tokenizer.pieces(caption)
    pixels = [np.asarray(Image.open(io.BytesIO(i))) / 255 for i in train.images.numpy()]
    assert card(prepared)["image"]["mean"] == [pytest.approx(np.mean(pixels), abs=1e-6)]
    assert card(prepared)["image"]["std"] == [pytest.approx(np.std(pixels), abs=1e-6)]


def test_two_runs_give_the_same_bytes_on_any_number_of_cores(prepared, raw, tmp_path):
    assert run(raw, tmp_path / "b", "--group-column", "book", "--workers", "2") == 0
    assert identical(prepared, tmp_path / "b")


def test_vocabulary_is_lowered_measured_and_explained(prepared):
    vocabulary = card(prepared)["vocabulary"]
    assert 260 < vocabulary["size"] < 400
    assert vocabulary["round_trip"] == 1.0
    assert vocabulary["truncated"] == 0.0
    assert "small" in verdict(vocabulary)
    assert "400 were asked for" in verdict(vocabulary)
    assert "full" in verdict(vocabulary | {"size": 8000})
    assert "raise" in verdict(vocabulary | {"truncated": 0.3})


def test_contact_sheet_and_card_can_be_read(prepared):
    with Image.open(prepared / "contact_sheet.png") as sheet:
        assert sheet.width > 500
    page = (prepared / "card.md").read_text(encoding="utf-8")
    assert "| picture blank | 1 |" in page
    assert verdict(card(prepared)["vocabulary"]) in page


def test_same_command_reuses_and_another_is_refused(prepared, raw, capsys):
    before = (prepared / "card.json").stat().st_mtime_ns
    assert run(raw, prepared, "--group-column", "book") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(raw, prepared, "--group-column", "book", "--min-side", "20") == 2
    assert "(min_side); type --overwrite" in capsys.readouterr().err
    assert (prepared / "card.json").stat().st_mtime_ns == before


def test_overwrite_replaces_and_other_folders_are_safe(raw, tmp_path, capsys):
    out = tmp_path / "set"
    assert run(raw, out, "--split-by", "pair") == 0
    assert run(raw, out, "--split-by", "pair", "--min-side", "71", "--overwrite") == 0
    assert card(out)["settings"]["min_side"] == 71
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    assert run(raw, tmp_path / "thesis", "--overwrite") == 2
    assert "holds other files" in capsys.readouterr().err


def test_a_failure_leaves_nothing_behind(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("mmvae.data.records.write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(raw, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_uncaptioned_pictures_can_stay(raw, tmp_path):
    assert run(raw, tmp_path / "set", "--keep-uncaptioned") == 0
    assert card(tmp_path / "set")["captions"]["without_caption"] == 2
    ids = {
        i: len(c)
        for split in records.SPLITS
        for found in [records.read(tmp_path / "set", split)]
        for i, c in zip(found.ids, found.caption_ids, strict=True)
    }
    assert ids["untold.png"] == ids["numbered.png"] == 0


def test_colour_jpeg_and_a_given_tokenizer(prepared, tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(to_bytes(drawing(i)))
        (tmp_path / f"{i}.txt").write_text(f"The {WORDS[i]}")
    (tmp_path / "colour.png").write_bytes(to_bytes(coloured()))
    (tmp_path / "colour.txt").write_text("The king in colour")
    tokenizer = str(prepared / "tokenizer.model")
    more = ("--image-format", "jpeg", "--tokenizer", tokenizer)
    assert run(f"folder:{tmp_path}", tmp_path / "out", *more) == 0
    assert records.image_shape(tmp_path / "out") == (32, 32, 3)
    assert (tmp_path / "out/tokenizer.model").read_bytes() == Path(tokenizer).read_bytes()
    assert records.read(tmp_path / "out", "train").images[0].numpy()[:2] == b"\xff\xd8"


def test_a_prepared_set_is_a_tfds_source(prepared, tmp_path):
    assert run(f"tfds:{prepared}", tmp_path / "again") == 0
    assert card(tmp_path / "again")["counts"]["splits"] == card(prepared)["counts"]["splits"]


def test_sprites_are_stored_as_drawn(tmp_path):
    assert run("sprites:2", tmp_path / "set", "--num-pairs", "60") == 0
    counts = card(tmp_path / "set")["counts"]
    assert (counts["kept"], counts["rejected"]) == (60, 0)
    assert records.read(tmp_path / "set", "test").attributes[0]["shape"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--vocab-size", "10"], "--vocab-size 10 is too small; least: 300"),
        (["--val-fraction", "1.5"], "for example 0.1 and 0.05"),
        (["--val-fraction", "nan"], "for example 0.1 and 0.05"),
        (["--max-aspect", "nan"], "--max-aspect nan is too small; least: 1"),
        (["--image-size", "100000"], "--image-size 100000 is too large; most: 4096"),
        (["--min-side", "5000"], "no usable pair is left of 51: picture too small (49)"),
        (["--group-column", "author"], "it has: book, caption, image"),
        (["--tokenizer", "none.model"], "not a readable SentencePiece model"),
        (
            ["--group-column", "book", "--groups", "77"],
            "no pair belongs to group 77; in the column",
        ),
    ],
)
def test_wrong_options_are_explained_without_a_traceback(raw, tmp_path, capsys, more, message):
    assert run(raw, tmp_path / "set", *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_enough_captions_of_the_engravings_are_usable():
    from data_prep.stages.captions import clean, useless

    captions = shared("engravings", "captions.csv")
    with captions.open(newline="", encoding="utf-8") as file:
        raw = [row["caption"] for row in csv.DictReader(file)]
    cleaned = [clean(caption) for caption in raw]
    usable = [c for c, r in zip(cleaned, raw, strict=True) if not useless(c, r)]
    assert len(usable) > USABLE_ENGRAVINGS + 200  # pictures that are too long, duplicates
    leftovers = re.compile(r"^fig\. \d|\.jpg|——\d|ToList|\(\d+K\)", re.IGNORECASE)
    assert [c for c in usable if leftovers.search(c)] == []
