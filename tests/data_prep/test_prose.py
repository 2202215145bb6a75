"""Prose as captions alone: sentences, sources, and no word of a book that is held out."""

import tarfile
import zipfile

import pytest

from data_prep.stages import prose
from mmvae.data import records
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError
from support.drawings import drawing, to_bytes
from support.preparing import account, card, pictures, put, rejected, run, stored

SENTENCES = (
    "Mr. J. G. Wood saw the heron (Fig. 3) near St. Albans. It stood still! “Why?” he asked. "
    "The weir, about 3.5 ft. high, was dry."
)
PARTED = [
    "Mr. J. G. Wood saw the heron (Fig. 3) near St. Albans.",
    "It stood still!",
    "“Why?” he asked.",
    "The weir, about 3.5 ft. high, was dry.",
]


def test_sentences_end_where_sentences_end():
    assert list(prose.sentences(SENTENCES)) == PARTED


def test_wrapped_lines_are_joined_and_lines_of_their_own_are_not():
    wrapped = "The heron stood\nin the reeds. It\nwaited.\n\nThe weir\nwas dry.\n"
    assert list(prose.sentences(wrapped)) == [
        "The heron stood in the reeds.",
        "It waited.",
        "The weir was dry.",
    ]
    assert list(prose.sentences("One is here.\nTwo is there.\nthree too.")) == [
        "One is here.",
        "Two is there.",
        "three too.",
    ]


@pytest.mark.parametrize(
    ("sentence", "cleaned", "reason"),
    [
        ("Fig. 12.--The heron stands in the reeds.", "The heron stands in the reeds.", ""),
        ("THE HERON STANDS IN THE REEDS.", "The heron stands in the reeds.", ""),
        ("It waited.", "It waited.", "shorter or longer than a sentence"),
        ("In 1830 . . . 3,150 14.2 12.7 1,830 1,840 ft", None, "not a sentence"),
        ("CHAPTER IV.", None, "caption is only a label or a number"),
    ],
)
def test_sentences_are_cleaned_as_captions_are(sentence, cleaned, reason):
    text, why = prose.judged(sentence)
    assert why == reason and (cleaned is None or text == cleaned)


def archives(folder):
    """The same two texts as a folder, a zip and a tar."""
    files = {"prose/7.txt": "The seventh book is here.", "prose/8.txt": "The eighth is there."}
    for name, text in files.items():
        put(folder, name, text)
    put(folder, "prose/notes.md", "no text of a book")
    with zipfile.ZipFile(folder / "prose.zip", "w") as packed:
        for name in (*files, "prose/notes.md"):
            packed.write(folder / name, name)
    with tarfile.open(folder / "prose.tar.xz", "w:xz") as packed:
        packed.add(folder / "prose", "prose")
    return [folder / "prose", folder / "prose.zip", folder / "prose.tar.xz"]


def test_texts_are_read_from_folders_and_archives(tmp_path):
    for place in archives(tmp_path):
        pairs, ledger = account(f"prose:{place}")
        assert pairs == [] and ledger.facts()["not_read"] == {"notes.md": 1}
        told = {text.group: text.text for text in ledger.prose}
        assert told == {"7": "The seventh book is here.", "8": "The eighth is there."}


def test_groups_that_are_left_out_leave_their_texts_out(tmp_path):
    place = archives(tmp_path)[0]
    _, ledger = account(f"prose:{place}", without_groups=["8"])
    assert [text.group for text in ledger.prose] == ["7"]
    assert ledger.facts()["not_read"]["texts of other groups"] == 1


def test_places_that_are_none_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    damaged = put(tmp_path, "a.tar.xz", b"no archive")
    for place, said in (("none", "not there"), ("empty", "no .txt"), (damaged.name, "no archive")):
        with pytest.raises(UserError, match=said):
            account(f"prose:{tmp_path / place}")


BOOKS = 10


def word(number):
    """A word that no other book has."""
    return "".join("bcdfghklmn"[int(digit)] + "ao"[int(digit) % 2] for digit in f"{number:03d}")


def library(folder, books=BOOKS, first=0, more=""):
    """Books of three pictures and ten sentences each; every one has a word of its own."""
    lines = ["image,caption,book"]
    for book in range(first, first + books):
        lines += [f"{book}_{i}.png,The {word(book)} by river {i},{book}" for i in range(3)]
        pictures(folder, *(f"{book}_{i}.png" for i in range(3)), first=10 * book)
        text = [f"Once the {word(book)} number {i} was seen in the reeds." for i in range(10)]
        put(folder.parent / "texts", f"{book}.txt", "\n".join([*text, more]))
    put(folder, "captions.csv", "\n".join(lines))
    titles = [f"{book},The {word(book)} Volume {book}" for book in range(first, first + books)]
    put(folder, "books.csv", "\n".join(["book,title", *titles]))
    return f"folder:{folder}"


WAYS = ["--split-by group", "--split-by work --split-seed 3", "--split-by pair"]
WORK = "--group-column book --test-fraction 0.2 --caption-length 32 "


@pytest.mark.parametrize("way", WAYS)
def test_no_prose_of_a_book_that_is_held_out_is_used(tmp_path, way):
    source = library(tmp_path / "in")
    texts = f"prose:{tmp_path / 'texts'}"
    assert run(tmp_path / "out", source, texts, more=WORK + way) == 0
    rows = {split: records.read(tmp_path / "out", split) for split in records.SPLITS}
    words = {split: {c.split()[1] for c in rows[split].pairs.captions} for split in rows}
    held = words["val"] | words["test"]
    train = rows["train"]
    prose_of = {c.split()[2] for c, has in zip(train.captions, train.present["image"]) if not has}
    assert held and not prose_of & held
    assert all(rows[split].present["image"].all() for split in ("val", "test"))
    if way != "--split-by pair":
        assert prose_of == words["train"] and not held & words["train"]
    counts = card(tmp_path / "out")["counts"]["rows"]
    assert counts["train"]["caption"] == 10 * len(prose_of)
    assert counts["val"] == {"pair": len(rows["val"])}


def test_what_is_held_out_changes_no_byte(tmp_path, capsys):
    """Neither rows nor vocabulary: the prose of held-out books may say what it likes."""
    flags = WORK + WAYS[1]
    source, texts = library(tmp_path / "in"), f"prose:{tmp_path / 'texts'}"
    assert run(tmp_path / "out", source, texts, more=flags) == 0
    held = {split for _, split in stored(tmp_path / "out").values()} - {"train"}
    assert held == {"val", "test"}
    tokenizer = Tokenizer(tmp_path / "out/tokenizer.model")
    for split in held:
        for caption in records.read(tmp_path / "out", split).captions:
            book = next(b for b in range(BOOKS) if word(b) in caption)
            put(tmp_path / "texts", f"{book}.txt", "Zyzzyva and quixotry are here.\n" * 40)
    assert run(tmp_path / "again", source, texts, more=flags) == 0
    for file in sorted((tmp_path / "out").glob("*.tfrecord*")) + [tokenizer.path]:
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    assert "of a book that is held out" in capsys.readouterr().out


def test_prose_can_be_capped_and_says_what_was_left(tmp_path, capsys):
    source, texts = library(tmp_path / "in"), f"prose:{tmp_path / 'texts'}"
    more = WORK + WAYS[1] + " --prose-rows 20"
    assert run(tmp_path / "out", source, texts, more=more) == 0
    assert card(tmp_path / "out")["counts"]["rows"]["train"]["caption"] == 20
    said = card(tmp_path / "out")["prose"]
    assert said["sentences"] == said["kept"] + sum(said["left_out"].values()) == 10 * BOOKS
    assert "captions alone" in capsys.readouterr().out
    assert "20 captions alone" in (tmp_path / "out/card.md").read_text()


def test_a_caption_is_not_a_row_again(tmp_path):
    library(tmp_path / "in", more=f"The {word(0)} by river 0\nThe {word(0)} by river 0.")
    source, texts = f"folder:{tmp_path / 'in'}", f"prose:{tmp_path / 'texts'}"
    assert run(tmp_path / "out", source, texts, more=WORK + WAYS[1]) == 0
    captions = [caption for caption, _ in stored(tmp_path / "out").values()]
    assert captions.count(f"The {word(0)} by river 0") == 1


def test_old_validation_rows_stay_when_books_and_copies_are_added(tmp_path):
    """Among what is added: larger copies of held-out pictures, and volumes of held-out works."""
    source = library(tmp_path / "in")
    assert run(tmp_path / "out", source, more=WORK + WAYS[1]) == 0
    before = stored(tmp_path / "out")
    library(tmp_path / "new", books=25, first=20)
    lines = (tmp_path / "new/captions.csv").read_text().splitlines()
    val = [name for name, (_, split) in before.items() if split == "val"]
    for number, name in enumerate(val):
        copy = drawing(10 * int(name.split("_")[0]) + int(name[-5]), 80, 80)
        put(tmp_path / "new", f"copy{number}.png", to_bytes(copy))
        lines.append(f"copy{number}.png,A copy of river {number},30")
    put(tmp_path / "new", "captions.csv", "\n".join(lines))
    title = f"900,The {word(int(val[0].split('_')[0]))} Volume 7"
    put(tmp_path / "new", "books.csv", (tmp_path / "new/books.csv").read_text() + f"\n{title}")
    pictures(tmp_path / "new", "900.png", first=9000)
    put(tmp_path / "new", "captions.csv", "\n".join([*lines, "900.png,Another volume,900"]))
    assert run(tmp_path / "more", source, f"folder:{tmp_path / 'new'}", more=WORK + WAYS[1]) == 0
    after = stored(tmp_path / "more")
    assert val and all(after[f"1/{name}"][1] == "val" for name in val)
    assert {split for name, (_, split) in after.items() if name.endswith("900.png")} == {"val"}
    copies = {name for name in rejected(tmp_path / "more") if "copy" in name}
    assert len(copies) == len(val), "of copies the one that is held out stays"
    moved = [n for n, (_, split) in before.items() if after[f"1/{n}"][1] != split]
    assert moved == []


def test_splits_by_work_that_are_empty_are_explained(tmp_path, capsys):
    assert run(tmp_path / "out", library(tmp_path / "in", 2), more=WORK + "--split-by work") == 2
    said = capsys.readouterr().err
    assert "would be empty: the hash of 2 works" in said and "--split-seed 1" in said


PAGE = """<html><head><title>The Herons of the Weir, Vol. {0}, by A. Heron</title></head><body>
<div id="pg-header"><p>The Project of the publisher is not the book at all.</p></div>
<figure><img src="{0}.png"><figcaption>A heron at weir {0}</figcaption></figure>
<p>The heron of volume {0} stood in the reeds.<span class="pagenum">[9]</span> It waited for
long hours.</p><table><tr><td><p>Tables are no running text at all.</p></td></tr></table>
</body></html>"""


def test_a_book_gives_its_own_prose_and_title(tmp_path):
    for number in range(3):
        put(tmp_path, f"books/9000{number}/9000{number}-h.htm", PAGE.format(number))
        pictures(tmp_path, f"books/9000{number}/{number}.png", first=number)
    source = f"gutenberg:{tmp_path / 'books'}"
    assert account(source)[1].prose == []
    _, ledger = account(source, keep_prose=True)
    told = [list(prose.sentences(text.text)) for text in ledger.prose]
    assert told[1] == ["The heron of volume 1 stood in the reeds.", "It waited for long hours."]
    assert {text.group for text in ledger.prose} == {"90000", "90001", "90002"}
    titles = {title for title, _, _ in ledger.titles.values()}
    assert titles == {f"The Herons of the Weir, Vol. {i}, by A. Heron" for i in range(3)}


def test_only_pictures_and_captions_that_are_kept_are_counted(tmp_path):
    source = library(tmp_path / "in")
    put(tmp_path / "in", "captions.csv", (tmp_path / "in/captions.csv").read_text() + "\nx.png,,3")
    pictures(tmp_path / "in", "x.png", first=777)
    assert run(tmp_path / "out", source, more=WORK + WAYS[1] + " --keep-uncaptioned") == 0
    rows = card(tmp_path / "out")["counts"]["rows"]
    assert sum(kinds.get("image", 0) for kinds in rows.values()) == 1
