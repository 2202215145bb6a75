"""Inputs as people have them, from the command to the records: what is kept, and what is said."""

import os
import re

import pytest

from data_prep import local
from support.preparing import (
    card,
    pictures,
    put,
    rejected,
    run,
    stored,
    stored_captions,
    table,
    told,
)


def commas(root):
    """Commas in captions without quotation marks."""
    pictures(root, *(f"{i}.png" for i in range(8)))
    rows = "".join(f"{i}.png,{told(i)}, a river, and two boats\n" for i in range(8))
    put(root, "captions.csv", f"image,caption\n{rows}")
    return {f"{i}.png": f"{told(i)}, a river, and two boats" for i in range(8)}, {}, "read whole (8"


def quotes(root):
    """Quotation marks that are never closed."""
    pictures(root, *(f"{i}.png" for i in range(8)))
    said = [told(i) for i in range(6)] + ['"Who goes there? he cried', '"Stop," said the guard']
    put(
        root,
        "captions.csv",
        "image;caption\n" + "".join(f"{i}.png;{c}\n" for i, c in enumerate(said)),
    )
    return {f"{i}.png": caption for i, caption in enumerate(said)}, {}, "never close"


def encodings(root):
    """Caption files of other encodings."""
    pictures(root, *(f"{i}.png" for i in range(9)))
    for i in range(9):
        put(root, f"{i}.txt", f"{told(i)} – à côté".encode(("utf-8", "utf-16", "cp1252")[i % 3]))
    kept = {f"{i}.png": f"{told(i)} – à côté" for i in range(9) if i % 3 < 2}
    return kept, {f"{i}.png": "caption file is not UTF-8" for i in (2, 5, 8)}, ""


def suffixes(root):
    """Pictures of suffixes that are rare, and of a format that is not read."""
    pictures(root, "0.jfif", "1.jpe", "2.JFIF", kind="JPEG")
    pictures(root, "3.jp2", "4.jpx", kind="JPEG2000", first=3)
    pictures(root, "5.qoi", "6.tga", "7.ico", first=5)
    for i, name in enumerate(("8.heic", "9.svg", "alone.heic", "film.mp4", "music.mp4")):
        put(root, name, b"\0\0\0\x18ftypheic" + bytes([i]))
    for i in range(10):
        put(root, f"{i}.txt", told(i))
    names = ("0.jfif", "1.jpe", "2.JFIF", "3.jp2", "4.jpx", "5.qoi", "6.tga", "7.ico")
    kept = {name: told(i) for i, name in enumerate(names)}
    reason = "picture format is not read"
    return kept, {"8.heic": reason, "9.svg": reason}, "not read: 2 .mp4, 1 alone.heic"


def elsewhere(root):
    """A table in upper case, with pictures one folder below it, and strangers beside it."""
    pictures(root, *(f"Images/{i}.JPG" for i in range(9)), kind="JPEG")
    rows = "".join(f"{i}.JPG | {told(i)}\n" for i in range(8))
    put(root, "CAPTIONS.TXT", f"image | caption\n{rows}")
    put(root, "README.md", "# Pictures")
    return {f"{i}.JPG": told(i) for i in range(8)}, {}, "not read: 1 8.JPG, 1 README.md"


def special(root):
    """Pipes, devices and links in circles, some with the names of pictures and captions."""
    pictures(root, *(f"{i}.png" for i in range(8)))
    rows = [f"{i}.png,{told(i)}\n" for i in range(8)]
    put(root, "captions.csv", "".join(["image,caption\n", *rows, "pipe.png,A pipe\n", ",Nobody\n"]))
    os.mkfifo(root / "pipe.png")
    (root / "zeros.png").symlink_to("/dev/zero")
    (root / "itself.png").symlink_to("itself.png")
    (root / "up.png").symlink_to("..")
    refused = {"pipe.png": "picture unreadable", "captions.csv line 11": "picture file missing"}
    kept = {f"{i}.png": told(i) for i in range(8)}
    return kept, refused, "not read: 2 links, 2 special files"


def doubles(root):
    """Names that differ by their case alone, and folders named like files."""
    pictures(root, *(f"{i}.png" for i in range(8)), "0.PNG", "8.png/9.png")
    for i in range(8):
        put(root, f"{i}.txt", told(i))
    put(root, "0.TXT", "the capital ship")
    put(root, "8.png/9.txt", "the ship within")
    put(root, "captions.csv/README.md", "A folder.")
    kept = {f"{i}.png": told(i) for i in range(8)}
    kept |= {"0.PNG": "the capital ship", "8.png/9.png": "the ship within"}
    return kept, {}, "not read: 1 README.md"


def full_paths(root):
    """A table whose pictures have their paths from the top of the disk."""
    pictures(root, *(f"test/{i}.png" for i in range(8)))
    rows = [f"{root}/test/{i}.png,{told(i)}\n" for i in range(8)]
    rows += ["/elsewhere/9.png,Nothing\n", f"{root}/../9.png,Nothing\n"]
    put(root, "captions.csv", "".join(["image,caption\n", *rows]))
    refused = dict.fromkeys(("/elsewhere/9.png", "../9.png"), "picture file missing")
    return {f"test/{i}.png": told(i) for i in range(8)}, refused, "named test 8"


MADE = (commas, quotes, encodings, suffixes, elsewhere, special, doubles, full_paths)
INPUTS = {f.__name__: f for f in MADE}


@pytest.mark.parametrize("name", INPUTS)
def test_all_that_is_seen_is_kept_or_told_of(tmp_path, capsys, name):
    kept, refused, words = INPUTS[name](tmp_path / "in")
    assert run(tmp_path / "out", f"folder:{tmp_path / 'in'}") == 0
    assert stored_captions(tmp_path / "out") == kept
    assert rejected(tmp_path / "out") == refused
    counts = card(tmp_path / "out")["counts"]
    assert counts["found"] == len(kept) + len(refused)
    assert words in capsys.readouterr().out
    assert words in (tmp_path / "out" / "card.md").read_text(encoding="utf-8")


def split_folders(root, suffix="txt"):
    for first, split in ((0, "train"), (10, "validation"), (20, "test")):
        pictures(root / split, *(f"{i}.png" for i in range(first, first + 6)), first=first)
        for i in range(first, first + 6):
            put(root / split, f"{i}.{suffix}", told(i))
    return f"folder:{root}"


def test_split_folders_are_the_splits(tmp_path, capsys):
    source = split_folders(tmp_path / "in")
    assert run(tmp_path / "out", source) == 0
    names = {"train": "train", "val": "validation", "test": "test"}
    found = {(split, id_.split("/")[0]) for id_, (_, split) in stored(tmp_path / "out").items()}
    assert found == set(names.items())
    said = capsys.readouterr().out
    assert "splits as folders or files are named (test 6, train 6, val 6)" in said
    flag = re.search(r"--split-names ignore", said)[0]
    assert run(tmp_path / "anew", source, more=flag) == 0
    assert set(card(tmp_path / "anew")["counts"]["splits"]) == {"train", "val"}
    assert "splits as" not in capsys.readouterr().out


def test_split_names_that_leave_nothing_to_train_on_are_not_taken(tmp_path, capsys):
    split_folders(tmp_path / "in")
    assert run(tmp_path / "out", f"folder:{tmp_path / 'in' / 'test'}") == 0
    assert card(tmp_path / "out")["counts"]["splits"] == {"train": 5, "val": 1}
    assert "named test 6 are not taken as splits" in capsys.readouterr().out


def test_the_captions_of_a_picture_stay_in_one_split(tmp_path):
    pictures(tmp_path, *(f"{i}.png" for i in range(12)))
    rows = [(i, told(i), "abcdef"[i // 2], "") for i in range(12)]
    rows += [(i, f"again {told(i)}", "bcdefa"[i // 2], "") for i in range(0, 12, 4)]
    put(tmp_path, "captions.csv", table(rows))
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 0
    assert len(splits_of(tmp_path / "out")) == 12
    rows = [(i, told(i), "", "train" if i < 10 else "val") for i in range(12)]
    rows += [(i, f"again {told(i)}", "", "val" if i < 2 else "train") for i in (0, 1, 10, 11)]
    put(tmp_path, "captions.csv", table(rows))
    assert run(tmp_path / "given", f"folder:{tmp_path}") == 0
    found = splits_of(tmp_path / "given")
    assert {name for name, splits in found.items() if splits == {"val"}} == {
        *("0.png", "1.png", "10.png", "11.png")
    }


def splits_of(out):
    """{picture: its splits}; each has one."""
    found = {}
    for id_, (_, split) in stored(out).items():
        found.setdefault(id_.partition("#")[0], set()).add(split)
    assert {len(splits) for splits in found.values()} == {1}
    return found


def test_lines_as_stored_captions(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(6)))
    for i in range(6):
        put(tmp_path, f"{i}.txt", f"{told(i)}\nthere is {told(i + 1)}\n")
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 0
    assert stored_captions(tmp_path / "out")["0.png"] == f"{told(0)} there is {told(1)}"
    flag = re.search(r"--lines captions", capsys.readouterr().out)[0]
    assert run(tmp_path / "each", f"folder:{tmp_path}", more=flag) == 0
    assert stored_captions(tmp_path / "each")["0.png#2"] == f"there is {told(1)}"
    assert len(splits_of(tmp_path / "each")) == 6


def test_pictures_of_unreadable_captions_can_be_kept(tmp_path):
    encodings(tmp_path / "in")
    assert run(tmp_path / "out", f"folder:{tmp_path / 'in'}", more="--keep-uncaptioned") == 0
    found = stored_captions(tmp_path / "out")
    assert len(found) == 9 and found["2.png"] == ""


def test_groups_that_were_not_asked_for_are_counted(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(12)))
    put(tmp_path, "captions.csv", table([(i, told(i), "abc"[i % 3], "") for i in range(12)]))
    assert run(tmp_path / "out", f"folder:{tmp_path}", more="--groups a b") == 0
    assert "not read: 4 pairs of other groups" in capsys.readouterr().out


def test_names_that_are_not_utf8_are_written_so_that_they_can_be_read(tmp_path, capsys):
    root = tmp_path / os.fsdecode(b"f\xff")
    root.mkdir()
    pictures(root, *(f"{i}.png" for i in range(6)))
    for i in range(6):
        put(root, f"{i}.txt", told(i))
    put(root / "sub", os.fsdecode(b"cut\xfe.png"), b"no picture")
    assert run(tmp_path / os.fsdecode(b"out\xfd"), f"folder:{root}") == 2
    assert "out\\xfd is not UTF-8; give" in capsys.readouterr().err
    out = tmp_path / "out"
    assert run(out, f"folder:{root}") == 0
    assert rejected(out) == {"sub/cut\\xfe.png": "picture unreadable"}
    assert run(out, f"folder:{root}") == 0
    assert "nothing to do" in capsys.readouterr().out
    put(root, "captions.jsonl", '{"image": "\\ud83d.png", "caption": "A \\ud83d"}')
    assert run(tmp_path / "none", f"folder:{root}") == 2
    assert "picture file missing (1)" in capsys.readouterr().err


@pytest.fixture
def later(monkeypatch):
    """Has something happen while pictures are cleaned, before the fifth."""

    def plan(happens):
        clean, jobs = local._clean_picture, iter(range(100))
        monkeypatch.setattr(local, "_BATCH", 2)
        monkeypatch.setattr(
            local, "_clean_picture", lambda job: (next(jobs) == 4 and happens(), clean(job))[1]
        )

    return plan


def test_files_that_vanish_meanwhile_are_refused(tmp_path, later):
    source, out, root = pictured(tmp_path)
    later(lambda: [(root / name).unlink() for name in ("5.png", "7.txt")])
    assert run(out, source) == 0
    assert sorted(stored_captions(out)) == [f"{i}.png" for i in (0, 1, 2, 3, 4, 6)]
    told_of = {"5.png": "picture file missing", "7.png": "caption file cannot be read"}
    assert rejected(out) == told_of


@pytest.mark.parametrize("instead", [None, "another folder"])
def test_a_folder_that_vanishes_meanwhile_is_an_error(tmp_path, later, capsys, instead):
    source, out, root = pictured(tmp_path)

    def vanish():
        root.rename(tmp_path / "elsewhere")
        if instead:  # as the empty place of a disk that was taken off
            root.mkdir()

    later(vanish)
    assert run(out, source) == 2
    assert (
        f"error: {root} went away while it was read; see that it stays" in capsys.readouterr().err
    )
    assert not list(tmp_path.glob("*out*")), "nothing half written is left"


def pictured(tmp_path):
    """(source, place for the data set, folder) of eight pictures with caption files."""
    root = tmp_path / "in"
    pictures(root, *(f"{i}.png" for i in range(8)))
    for i in range(8):
        put(root, f"{i}.txt", told(i))
    return f"folder:{root}", tmp_path / "out", root
