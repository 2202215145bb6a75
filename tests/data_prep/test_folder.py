"""Folders as people have them: what is seen is a pair, a row of rejected.csv, or counted."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.output.ledger import not_read
from data_prep.stages import images
from mmvae.errors import UserError
from support.preparing import account, captions, put, read

JPEG, HEIC = b"\xff\xd8", b"\0\0\0\x18ftypheic"  # sources look at names alone


def pictures(folder: Path, *names: str):
    for name in names:
        put(folder, name, JPEG)


def test_commas_in_a_caption_of_a_table(tmp_path):
    pictures(tmp_path, "1.png")
    put(tmp_path, "captions.csv", "image,caption\n1.png,a mill, a river, and two boats\n")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert captions(pairs) == {"1.png": "a mill, a river, and two boats"}
    assert any("read whole (1, first in line 2)" in note for note in ledger.facts()["notes"])


def test_a_row_that_does_not_fit_is_refused_with_its_file_and_line(tmp_path):
    pictures(tmp_path, "1.png", "2.png")
    table = "image,caption,book\n1.png,a mill, a river,7\n2.png,a ship,8\n"
    put(tmp_path, "captions.csv", table)
    pairs, ledger = account(f"folder:{tmp_path}")
    assert captions(pairs) == {"2.png": "a ship"}
    ((row, refused),) = ledger.refused
    assert (row.id, refused.reason) == ("1.png", "row does not fit the table's header")
    assert refused.detail == "captions.csv line 2: 4 cells, 3 in the header"
    assert ledger.facts()["not_read"] == {}  # the picture of a refused row is no stranger


@pytest.mark.parametrize(("suffix", "mark"), [("tsv", "\t"), ("csv", ","), ("CSV", " | ")])
def test_a_lone_quotation_mark_swallows_no_rows(tmp_path, suffix, mark):
    said = ["a lamp", '"Who goes there?', "a bird", "a boat"]
    rows = "".join(f"{i}.png{mark}{caption}\n" for i, caption in enumerate(said))
    put(tmp_path, f"captions.{suffix}", f"image{mark}caption\n{rows}")
    assert list(captions(read(f"folder:{tmp_path}")).values()) == said


@pytest.mark.parametrize("name", ["CAPTIONS.CSV", "Metadata.Csv", "captions.txt", "CAPTIONS.TXT"])
def test_names_of_tables_in_any_case(tmp_path, name):
    pictures(tmp_path, "1.png")
    put(tmp_path, name, "image , caption\n1.png , A ship\n")
    assert captions(read(f"folder:{tmp_path}")) == {"1.png": "A ship"}


ENCODINGS = {"utf-8": True, "utf-8-sig": True, "utf-16": True}
ENCODINGS |= {"cp1252": False, "utf-16-le": False, "utf-16-be": False, "utf-32": False}


@pytest.mark.parametrize("code", ENCODINGS)
def test_caption_files_are_decoded_rightly_or_refused(tmp_path, code):
    pictures(tmp_path, "1.png")
    put(tmp_path, "1.txt", "the café’s façade".encode(code))
    (pair,) = read(f"folder:{tmp_path}")
    if ENCODINGS[code]:
        assert (pair.caption, pair.fault) == ("the café’s façade", None)
    else:
        assert (pair.caption, pair.fault.reason) == ("", "caption file is not UTF-8")
        assert "1.txt" in pair.fault.detail


def test_the_line_is_named_where_a_table_is_not_utf8(tmp_path):
    put(tmp_path, "captions.csv", "image,caption\n1.png,a\n2.png,café\n".encode("cp1252"))
    with pytest.raises(UserError, match="captions.csv is not UTF-8 text: line 3 is not"):
        read(f"folder:{tmp_path}")


@pytest.mark.parametrize("code", ["utf-8", "utf-16"])
def test_tables_in_utf_16_are_read(tmp_path, code):
    put(tmp_path, "captions.csv", "image,caption\n1.png,le café\n".encode(code))
    assert captions(read(f"folder:{tmp_path}")) == {"1.png": "le café"}


@pytest.mark.parametrize("caption", ["caf\ufffd", "half \\ud83d", "bell \\u0007", "\\u0000ship"])
def test_characters_that_were_lost_are_no_caption(tmp_path, caption):
    put(tmp_path, "captions.jsonl", f'{{"image": "1.png", "caption": "{caption}"}}')
    (pair,) = read(f"folder:{tmp_path}")
    assert pair.fault
    pair.caption.encode()  # what is told of it can be written


SUFFIXES = ("jpg", "JPEG", "jfif", "jp2", "avif", "tga", "pbm", "ico", "mpo", "qoi", "apng")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_of_every_suffix_that_pillow_reads(tmp_path, suffix):
    pictures(tmp_path, f"1.{suffix}")
    put(tmp_path, "1.txt", "A ship")
    assert captions(read(f"folder:{tmp_path}")) == {f"1.{suffix}": "A ship"}


@pytest.mark.parametrize("sidecar", ["1.txt", "1.caption", "1.heic.txt", "1.TXT"])
def test_a_caption_whose_picture_is_not_read_is_refused(tmp_path, sidecar):
    put(tmp_path, "1.heic", HEIC)
    put(tmp_path, "2.heic", HEIC)
    put(tmp_path, sidecar, "A ship")
    pictures(tmp_path, "3.png")
    _, ledger = account(f"folder:{tmp_path}")
    ((row, refused),) = ledger.refused
    assert (row.id, row.caption) == ("1.heic", "A ship")
    assert refused.reason == "picture format is not read" and sidecar in refused.detail
    assert ledger.facts()["not_read"] == {"2.heic": 1}


@pytest.mark.parametrize("name", ["1.txt", "1.TXT", "1.caption", "1.Caption", "1.png.txt"])
def test_caption_files_of_every_tool(tmp_path, name):
    pictures(tmp_path, "1.png")
    put(tmp_path, name, "A ship")
    assert captions(read(f"folder:{tmp_path}")) == {"1.png": "A ship"}


def test_the_second_caption_file_of_a_picture_is_told_of(tmp_path):
    pictures(tmp_path, "1.png")
    put(tmp_path, "1.caption", "Another")
    put(tmp_path, "1.txt", "A ship")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert captions(pairs) == {"1.png": "A ship"}
    assert ledger.facts()["not_read"] == {"1.caption": 1}


def test_lines_of_a_caption_file_are_one_caption_or_several(tmp_path):
    pictures(tmp_path, "1.png", "2.png")
    put(tmp_path, "1.txt", "A ship\r\n\nA boat\n")
    put(tmp_path, "2.txt", "A lamp\n")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert [pair.caption.split() for pair in pairs] == [["A", "ship", "A", "boat"], ["A", "lamp"]]
    (note,) = ledger.facts()["notes"]
    assert note.startswith("caption files with several lines (1)") and "--lines captions" in note
    several = read(f"folder:{tmp_path}", lines="captions")
    assert captions(several) == {"1.png": "A ship", "1.png#2": "A boat", "2.png": "A lamp"}
    assert [pair.picture for pair in several] == ["1.png", "1.png", "2.png"]


def test_pictures_one_folder_below_the_table(tmp_path):
    pictures(tmp_path, "Images/1.jpg", "Images/2.jpg")
    put(tmp_path, "captions.txt", "image,caption\n1.jpg,A ship\n2.jpg,A boat\n3.jpg,A lamp\n")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert [pair.image.exists() for pair in pairs] == [True, True, False]
    assert "captions.txt: pictures are in Images" in ledger.facts()["notes"]


def test_a_missing_picture_is_not_replaced_by_one_of_another_folder(tmp_path):
    pictures(tmp_path, "1.jpg", "test/2.jpg")
    put(tmp_path, "captions.csv", "image,caption\n1.jpg,A ship\n2.jpg,A boat\n")
    assert [pair.image.exists() for pair in read(f"folder:{tmp_path}")] == [True, False]


def test_a_table_beside_the_folder_of_its_pictures(tmp_path):
    pictures(tmp_path, "images/1.jpg")
    put(tmp_path, "texts/captions.csv", "image,caption\n../images/1.jpg,A ship\n")
    (pair,) = read(f"folder:{tmp_path}")
    assert (pair.id, pair.image.exists()) == ("images/1.jpg", True)


def split_folders(folder):
    for split, count in (("train", 3), ("validation", 2), ("test", 1)):
        pictures(folder / split, *(f"{i}.png" for i in range(count)))
        rows = [{"file_name": f"{i}.png", "text": f"{split} {i}"} for i in range(count)]
        put(folder / split, "metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("kind", ["folder", "imagefolder"])
def test_tables_in_split_folders_keep_the_split_of_their_author(tmp_path, kind):
    split_folders(tmp_path)
    names = {"image_column": "file_name", "caption_column": "text"} if kind == "folder" else {}
    pairs, ledger = account(f"{kind}:{tmp_path}", **names)
    told = {pair.id: (pair.caption, pair.named_split) for pair in pairs}
    assert told["validation/1.png"] == ("validation 1", "val")
    assert [split for _, split in told.values()] == ["test"] + ["train"] * 3 + ["val"] * 2
    assert ledger.facts()["not_read"] == {}


@pytest.mark.parametrize("inner", ["{}/", "images/{}/", "{}/birds/"])
def test_caption_files_in_split_folders_too(tmp_path, inner):
    for split in ("train", "dev", "test"):
        pictures(tmp_path, f"{inner.format(split)}1.png")
        put(tmp_path, f"{inner.format(split)}1.txt", f"A {split}")
    splits = {pair.caption: pair.named_split for pair in read(f"folder:{tmp_path}")}
    assert splits == {"A train": "train", "A dev": "val", "A test": "test"}


def test_a_split_folder_given_as_a_source_of_its_own(tmp_path):
    split_folders(tmp_path)
    pairs = read(*(f"imagefolder:{tmp_path / name}" for name in ("train", "test")))
    assert {(pair.id[0], pair.named_split) for pair in pairs} == {("1", "train"), ("2", "test")}


def test_a_table_without_the_columns_in_a_sub_folder_is_explained(tmp_path):
    split_folders(tmp_path)
    with pytest.raises(UserError, match="metadata.jsonl has no column image, caption; it has: fi"):
        read(f"folder:{tmp_path}")
    pictures(tmp_path, "loose.png")
    for path in tmp_path.rglob("*.png"):  # the captions are elsewhere: the tables are strangers
        put(path.parent, f"{path.stem}.txt", "A ship")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert len(pairs) == 7 and ledger.facts()["not_read"] == {".jsonl": 3}


def test_a_stranger_among_tables_hides_none_below_it(tmp_path):
    pictures(tmp_path, "a/1.png", "a/b/2.png")
    put(tmp_path, "a/metadata.csv", "width,height\n1,2\n")
    put(tmp_path, "a/1.txt", "A ship")
    put(tmp_path, "a/b/captions.csv", "image,caption\n2.png,A boat\n")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert captions(pairs) == {"a/1.png": "A ship", "a/b/2.png": "A boat"}
    assert ledger.facts()["not_read"] == {"metadata.csv": 1}


def test_links_to_folders_are_followed_once(tmp_path):
    pictures(tmp_path, "elsewhere/1.png", "set/own/2.png")
    root = tmp_path / "set"
    (root / "away").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(root / "own")
    (root / "own" / "up").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    (root / "gone.png").symlink_to(root / "none.png")
    (root / "gone.csv").symlink_to(root / "none.csv")
    pairs, ledger = account(f"folder:{root}")
    assert [pair.id for pair in pairs] == ["away/1.png", "gone.png", "own/2.png"]
    assert not_read(ledger.facts()["not_read"]) == "not read: 4 links"


def test_a_link_that_a_table_names_is_no_stranger(tmp_path):
    pictures(tmp_path, "own/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    put(tmp_path, "captions.csv", "image,caption\nlink/1.png,A ship\n")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert pairs[0].image.exists() and ledger.facts()["not_read"] == {"links": 1}


def test_two_names_that_cannot_be_printed_are_two_pictures(tmp_path):
    for name in (b"bad\xff.png", b"bad\xfe.png"):
        (tmp_path / os.fsdecode(name)).write_bytes(JPEG)
    assert {pair.picture for pair in read(f"folder:{tmp_path}")} == {"bad\\xff.png", "bad\\xfe.png"}


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".png", "a\\u0000.png", "\\ud800.png", "images", ".."]
)
def test_names_that_no_file_has(tmp_path, name):
    pictures(tmp_path, "images/1.png")
    put(tmp_path, "captions.jsonl", f'{{"image": "{name}", "caption": "A ship"}}')
    (pair,) = read(f"folder:{tmp_path}")
    refused = images.clean(pair.image, images.Rules(32, 0, 8, 4))
    assert refused.reason == ("picture unreadable" if name == "images" else "picture file missing")
    pair.id.encode()  # it can be written


def test_names_are_told_in_one_line(tmp_path):
    pictures(tmp_path, "two\nlines.png")
    put(tmp_path, "a\tb.md", "")
    pairs, ledger = account(f"folder:{tmp_path}")
    assert [pair.id for pair in pairs] == ["two\\x0alines.png"]
    assert ledger.facts()["not_read"] == {"a\\x09b.md": 1}


def test_several_captions_in_a_cell_are_several_pairs(tmp_path):
    rows = [{"image": "1.png", "caption": ["A ship", "A boat"]}, {"image": "2.png", "caption": []}]
    put(tmp_path, "captions.jsonl", "\n".join(map(json.dumps, rows)))
    assert captions(read(f"folder:{tmp_path}")) == {
        "1.png": "A ship",
        "1.png#2": "A boat",
        "2.png": "",
    }


@pytest.mark.parametrize("cell", ['"[""A ship"", ""A boat""]"', "\"['A ship', 'A boat']\""])
def test_lists_that_a_csv_spells(tmp_path, cell):
    put(tmp_path, "captions.csv", f"image,caption\n1.png,{cell}\n2.png,[A lamp]\n3.png,[1]\n")
    assert list(captions(read(f"folder:{tmp_path}")).values()) == [
        "A ship",
        "A boat",
        "[A lamp]",
        "[1]",
    ]


@pytest.mark.parametrize(
    ("cells", "detail"),
    [
        ({"caption": {"en": "A ship"}}, "caption is an object, not a text"),
        ({"caption": [["A ship"]]}, "caption is a list, not a text"),
        ({"caption": "A ship", "image": ["1.png"]}, "image is a list, not a text"),
        ({"caption": "A ship", "split": {}}, "split is an object, not a text"),
    ],
)
def test_cells_that_are_no_text_are_refused(tmp_path, cells, detail):
    put(tmp_path, "captions.jsonl", json.dumps({"image": "1.png"} | cells))
    pairs, ledger = account(f"folder:{tmp_path}")
    assert pairs == []
    assert ledger.refused[0][1].detail == f"captions.jsonl line 1: {detail}"


def test_numbers_and_truth_are_spelled_as_json_does(tmp_path):
    cells = [7, 1.5, True, None]
    rows = [json.dumps({"image": f"{i}.png", "caption": cell}) for i, cell in enumerate(cells)]
    put(tmp_path, "captions.jsonl", "\n".join([*rows, '{"image": "4.png", "caption": NaN}']))
    assert list(captions(read(f"folder:{tmp_path}")).values()) == ["7", "1.5", "true", "", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,caption,caption\n1.png,a,b\n", "has the column caption twice"),
        ("1.png;A ship\n2.png;A boat\n", "above it: image;caption"),
    ],
)
def test_headers_that_cannot_be_read_are_explained(tmp_path, content, message):
    put(tmp_path, "captions.csv", content)
    with pytest.raises(UserError, match=message):
        read(f"folder:{tmp_path}")


def test_a_table_by_another_name_is_named_and_can_be_given(tmp_path):
    pictures(tmp_path, "pics/1.png")
    put(tmp_path, "results.csv", "image| caption\n1.png| A ship\n")
    _, ledger = account(f"folder:{tmp_path}")
    (hint,) = ledger.hints()
    advice = hint.partition("type --source ")[2]
    assert captions(read(advice)) == {"1.png": "A ship"}


# --- Messy folders: every file and every row is accounted for.

NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=4)
FOLDERS = st.sampled_from(["", "train", "test", "a b", "größe", "deep/er"])


@st.composite
def things(draw):
    """(kind, stem, detail) of one thing in a folder; stems are unique by their number."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    return kind, draw(FOLDERS), draw(NAME), draw(st.integers(0, 5))


def captioned(root, stem, choice):
    suffix = ("jpg", "JFIF", "tif", "webp", "bmp", "j2k")[choice]
    sidecar = ("txt", "TXT", "caption", "Caption", f"{suffix}.txt", "txt")[choice]
    code = ("utf-8", "utf-16", "cp1252", "utf-8-sig", "utf-16-le", "utf-32")[choice]
    put(root, f"{stem}.{suffix}", JPEG)
    put(root, f"{stem}.{sidecar}", f"Café {choice}".encode(code))
    return {"pairs": 1, "caption files": 1}


def alone(root, stem, choice):
    put(root, f"{stem}.{('png', 'PNG', 'gif', 'ppm', 'ico', 'sgi')[choice]}", JPEG)
    return {"pairs": 1}


def unreadable(root, stem, choice):
    put(root, f"{stem}.{('heic', 'HEIF', 'svg', 'jxl', 'raw', 'pdf')[choice]}", HEIC)
    put(root, f"{stem}.txt", "A ship")
    return {"refused": 1, "caption files": 1}


def stranger(root, stem, choice):
    put(root, f"{stem}{('.md', '.mp4', '', '.zip', '.json', '.heic')[choice]}", b"")
    return {"unread": 1}


def broken_link(root, stem, choice):
    path = root / f"{stem}.link"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")
    return {"unread": 1}


def table(root, stem, choice):
    """A table of three rows of three lines, one of them no row, in a folder of its own."""
    mark = ",;\t|,,"[choice]
    rows = [f"1.png{mark}A ship", f"2.png{mark}A boat", f"3.png{mark}A lamp{mark}and{mark}more"]
    if choice == 5:
        rows = ['1.png,"Halt', "2.png,A boat", '3.png,"A lamp, and"']
    name = ("captions.csv", "METADATA.CSV", "captions.tsv", "metadata.txt", "captions.csv")
    put(
        root, f"{stem}/{(*name, 'captions.csv')[choice]}", "\n".join([f"image{mark}caption", *rows])
    )
    put(root, f"{stem}/1.png", JPEG)
    put(root, f"{stem}/2.png", JPEG)
    put(root, f"{stem}/4.png", JPEG)
    return {"pairs": 2, "missing": 1, "tables": 1, "unread": 1}


def json_lines(root, stem, choice):
    """A table of JSON lines with cells of every kind."""
    cells = ["A ship", ["A ship", "A boat"], None, {"en": "A ship"}, [["A ship"]], 7][choice]
    put(root, f"{stem}/metadata.jsonl", json.dumps({"image": "1.gif", "caption": cells}))
    put(root, f"{stem}/1.gif", JPEG)
    if choice in (3, 4):
        return {"refused": 1, "tables": 1}
    return {"pairs": 1 + (choice == 1), "again": -(choice == 1), "tables": 1}


def linked(root, stem, choice):
    """A link to a folder: one elsewhere, one read already, one that holds the link itself."""
    if choice < 2:
        top = next(folder for folder in (root, *root.parents) if folder.name == "root")
        put(top.parent / "elsewhere" / stem, "1.png", JPEG)
        root.mkdir(parents=True, exist_ok=True)
        (root / stem).symlink_to(top.parent / "elsewhere" / stem)
        return {"pairs": 1, "outside": -1}
    put(root, f"{stem}/own.png", JPEG)
    (root / stem / "up").symlink_to(root if choice < 4 else root.parent)
    return {"pairs": 1, "unread": 1, "outside": -1}


KINDS = {
    thing.__name__: thing
    for thing in (captioned, alone, unreadable, stranger, broken_link, table, json_lines, linked)
}


@settings(max_examples=100)
@given(st.lists(things(), min_size=1, max_size=8))
def test_the_sum_of_a_messy_folder_is_right(tmp_path_factory, found):
    root = tmp_path_factory.mktemp("messy") / "root"
    expected = Counter()
    for number, (kind, folder, name, choice) in enumerate(found):
        expected.update(KINDS[kind](root / folder, f"{name}{number}", choice))
    files = sum(len(names) for _, _, names in os.walk(root))
    assert files == sum(expected.values()) - expected["missing"]
    try:
        pairs, ledger = account(f"folder:{root}")
    except UserError as error:
        assert expected["pairs"] == expected["refused"] == 0
        assert "has no pictures" in str(error)
        return
    assert len(pairs) == expected["pairs"] + expected["missing"]
    assert sum(pair.image.is_file() for pair in pairs) == expected["pairs"]
    assert len(ledger.refused) == expected["refused"]
    assert sum(ledger.facts()["not_read"].values()) == expected["unread"]
    ids = [pair.id for pair in pairs] + [row.id for row, _ in ledger.refused]
    assert len(ids) == len(set(ids))
    assert not any("\ufffd" in pair.caption or "\0" in pair.caption for pair in pairs)


CELLS = st.text('ab1.png,;|\t"\n[]{}', max_size=9)


@settings(max_examples=100)
@given(st.lists(st.lists(CELLS, max_size=4), max_size=6), st.sampled_from(",;|\t"))
def test_the_sum_of_a_ragged_table_is_right(tmp_path_factory, rows, mark):
    root = tmp_path_factory.mktemp("ragged")
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=mark)
        writer.writerows([["image", "caption", "book"], ["1.png", "A ship", "7"], *rows])
    pairs, ledger = account(f"folder:{root}")
    found = len({pair.id for pair in pairs if "#" not in pair.id}) + len(ledger.refused)
    assert found >= 1
    told = [pair.caption for pair in pairs] + [row.caption for row, _ in ledger.refused]
    assert len(told) >= 1 + sum(any(cell.strip(" ") for cell in row) for row in rows)
