"""Books as they lie on a disk: folders, zips, EPUBs, downloads, and paths between their folders."""

import base64
import random
import zipfile
from pathlib import Path

import pytest

from data_prep.sources import gutenberg
from data_prep.sources.book import shelf
from mmvae.errors import UserError
from support.book_pages import ABOVE, CAPTIONS, TEXT, each
from support.drawings import drawing, to_bytes
from support.places import shared
from support.preparing import (
    account,
    pictures,
    put,
    read,
    rejected,
    run,
    stored_captions,
    with_defaults,
)

PAGE = b"""<html><body>
<figure><img src="a.png" alt="Fig. 1."><figcaption>In the figure</figcaption></figure>
<div class="figcenter"><a href="big.png"><img src="b.png " alt="Fig. 2."></a>
  <p class="caption">In the <i>class</i><span class="pagenum">[Pg 9]</span></p></div>
<p class="ctr"><img src="c%20c.png" alt=""></p><p class="ctr">In the centre</p>
<p><img src="http://elsewhere.org/g.png" alt="Elsewhere"></p></body></html>"""


def packed(folder, archive):
    """All files of a folder in a zip."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder).as_posix())
    return archive


def reasons(*sources):
    """{name: reason} of what gives no pair."""
    return {pair.id: refused.reason for pair, refused in account(*sources)[1].refused}


def test_book_from_a_folder_a_zip_and_a_download_agree(tmp_path, monkeypatch):
    put(tmp_path, "77777/77777-h.htm", PAGE)
    pictures(tmp_path, *(f"77777/{name}" for name in ("a.png", "b.png", "c c.png")))
    archive = packed(tmp_path / "77777", tmp_path / "pg77777-h.zip")
    unpacked, packed_pairs = read(f"gutenberg:{tmp_path / '77777'}"), read(f"gutenberg:{archive}")
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: archive.open("rb"))
    downloaded = read("gutenberg:77777")
    told = {"77777/a.png": "In the figure", "77777/b.png": "In the class"}
    told |= {"77777/c c.png": "In the centre"}
    for pairs in (unpacked, packed_pairs, downloaded):
        assert {pair.id: pair.caption for pair in pairs} == told
        assert {pair.group for pair in pairs} == {"77777"}
    assert unpacked[1].image.read_bytes() == packed_pairs[1].image == downloaded[1].image
    web = {"77777/http://elsewhere.org/g.png": "picture not in the book"}
    assert reasons(f"gutenberg:{archive}") == reasons(f"gutenberg:{tmp_path / '77777'}") == web


def test_books_keep_their_pictures_and_chapters_their_book(tmp_path):
    page = b'<figure><img src="images/001.png"><figcaption>A heron.</figcaption></figure>'
    pages = ["30181-h/chapter1.htm", "30181-h/chapter12.htm", "herons/index.html"]
    pages += ["owls/index.html"]
    for number, path in enumerate(pages):
        put(tmp_path, f"books/{path}", page)
        pictures(tmp_path, f"books/{Path(path).parent}/images/001.png", first=number)
    pairs = read(f"gutenberg:{tmp_path / 'books'}")
    assert [pair.group for pair in pairs] == ["30181", "30181", "books/herons", "books/owls"]
    assert len({(pair.picture, pair.image) for pair in pairs}) == 3


def figure(address, caption="A heron."):
    return f"<figure><img src='{address}'/><figcaption>{caption}</figcaption></figure>"


def epub(root):
    """An unpacked EPUB whose pages and pictures lie in folders of their own."""
    put(root, "META-INF/container.xml", "<container/>")
    put(root, "OEBPS/Text/ch1.xhtml", figure("../Images/0.png", "The ferry."))
    put(root, "OEBPS/Text/ch2.xhtml", figure("../Images/%C3%A9%201.PNG?big#x", "The tower."))
    put(root, "OEBPS/Notes/notes.xhtml", figure("..\\Images\\2.png", "The weir."))
    pictures(root / "OEBPS/Images", "0.png", "\u00e9 1.png", "2.png")
    return root


@pytest.mark.parametrize("kind", ["folder", "epub", "zip", "folder of epubs"])
@pytest.mark.parametrize("name", ["herons", "90003"])
def test_an_epub_is_read_with_pictures_in_another_folder(tmp_path, kind, name):
    root = epub(tmp_path / "in" / name)
    source, book = tmp_path / "in", f"in/{name}"
    if kind != "folder":
        book, suffix = (f"shelf/{name}", "epub") if " " in kind else (name, kind)
        (tmp_path / "shelf").mkdir()
        archive = packed(root, tmp_path / "shelf" / f"{name}.{suffix}")
        source = archive.parent if " " in kind else archive
    book = "90003" if name == "90003" else book
    pairs = read(f"gutenberg:{source}")
    assert {pair.caption for pair in pairs} == {"The ferry.", "The tower.", "The weir."}
    assert {pair.group for pair in pairs} == {book}
    assert f"{book}/OEBPS/Images/0.png" in {pair.id for pair in pairs}
    assert all(isinstance(pair.image, bytes) or pair.image.is_file() for pair in pairs)


@pytest.mark.parametrize("archive", [False, True])
def test_what_is_not_in_the_book_is_reported_as_that(tmp_path, archive):
    addresses = ("../../secret.png", "/etc/secret.png", "../..", "../Text/../../../../x.png")
    pictures(tmp_path, "secret.png", "in/secret.png")
    page = "".join(figure(address) for address in addresses)
    page += figure("//elsewhere.org/a.png") + figure("none.png") + figure("../Images/a.png")
    put(tmp_path, "in/90003/Text/ch1.xhtml", page)
    pictures(tmp_path, "in/90003/Images/a.png")
    source = tmp_path / "in/90003"
    if archive:
        source = packed(source, tmp_path / "90003.epub")
    pairs, ledger = account(f"gutenberg:{source}")
    assert [pair.id for pair in pairs] == ["90003/Images/a.png"]
    said = [refused.reason for _, refused in ledger.refused]
    assert said == ["picture outside the book"] * 4 + [
        "picture not in the book",
        "picture file missing",
    ]


def test_a_picture_written_into_the_page_is_read(tmp_path):
    content = to_bytes(drawing(1))
    inside = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    put(tmp_path, "77777/77777-h.htm", figure(inside) + figure("data:image/png;base64,?"))
    pairs, ledger = account(f"gutenberg:{tmp_path / '77777'}")
    assert [(pair.id, pair.image) for pair in pairs] == [("77777/77777-h.htm-1", content)]
    assert [refused.reason for _, refused in ledger.refused] == ["picture unreadable"]


def test_files_that_no_page_shows_are_counted(tmp_path):
    root = epub(tmp_path / "herons")
    put(root, "OEBPS/style.css", "")
    pictures(root, "OEBPS/Images/big.png", first=7)
    unread = {".css": 1, ".png": 1, ".xml": 1}
    for source in (root, packed(root, tmp_path / "herons.epub")):
        not_read = account(f"gutenberg:{source}")[1].facts()["not_read"]
        assert sum(not_read.values()) == sum(unread.values())


def test_a_damaged_picture_and_a_damaged_page_are_refused(tmp_path):
    archive = tmp_path / "pg77777-h.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("77777-h.htm", '<img src="a.png" alt="A heron.">')
        file.writestr("a.png", b"A" * 100)
    archive.write_bytes(archive.read_bytes().replace(b"A" * 100, b"B" * 100))
    assert reasons(f"gutenberg:{archive}") == {"77777/a.png": "picture unreadable"}
    archive.write_bytes(archive.read_bytes().replace(b"<img", b"<IMG"))
    assert reasons(f"gutenberg:{archive}") == {"77777/77777-h.htm": "page cannot be read"}


def test_a_broken_book_does_not_stop_the_others(tmp_path, capsys):
    page = "".join(figure(f"../Images/{n}.png", CAPTIONS[n]) for n in range(8))
    raw = tmp_path / "raw"
    put(raw, "OEBPS/Text/ch1.xhtml", page)
    pictures(raw / "OEBPS/Images", *(f"{number}.png" for number in range(8)))
    books = tmp_path / "in"
    put(books, "empty.epub", "")
    whole = packed(raw, books / "whole.epub").read_bytes()
    put(books, "cut.epub", whole[:-30])
    put(books, "later.epub", whole.replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xff"))
    packed(raw / "OEBPS/Images", books / "pageless.EPUB")
    assert run(tmp_path / "out", f"gutenberg:{books}", more="--split-by pair") == 0
    assert len(stored_captions(tmp_path / "out")) == 8
    broken = ["in/cut.epub", "in/empty.epub", "in/later.epub", "in/pageless.EPUB"]
    assert rejected(tmp_path / "out") == dict.fromkeys(broken, "book cannot be read")
    assert "4  book cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(3))
def test_no_damage_of_an_archive_is_a_traceback(tmp_path, seed):
    chance, raw = (
        random.Random(seed),
        packed(epub(tmp_path / "a"), tmp_path / "a.epub").read_bytes(),
    )
    for _ in range(200):
        content = bytearray(raw)
        for _ in range(chance.choice((1, 2, 20))):
            content[-chance.randrange(1, 900)] = chance.randrange(256)  # its directory of files
        try:
            list(gutenberg.read(str(put(tmp_path, "b.epub", bytes(content))), with_defaults()))
        except UserError as error:
            assert "b" in str(error)


def test_an_empty_page_hides_no_other(tmp_path):
    put(tmp_path, "77777/a.htm", "")
    put(tmp_path, "77777/b.htm", PAGE)
    pictures(tmp_path, "77777/a.png")
    assert [pair.id for pair in read(f"gutenberg:{tmp_path / '77777'}")] == ["77777/a.png"]


def test_archives_that_grow_too_large_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.htm", b" " * 100_000)
    monkeypatch.setattr(shelf, "MAX_FILE", 50_000)
    with pytest.raises(UserError, match="more than is safe"):
        read(f"gutenberg:{tmp_path / 'a.zip'}")


@pytest.mark.parametrize(
    ("book", "number", "sample"), [("11073", 29, "THE AUK"), ("30181", 111, "Hydnum repandum.")]
)
def test_real_books(book, number, sample):
    pairs = read(f"gutenberg:{shared('gutenberg', book)}")
    assert len(pairs) == number
    assert all(pair.caption and pair.image.exists() and pair.group == book for pair in pairs)
    assert any(sample in pair.caption for pair in pairs)


def test_a_book_with_captions_above_is_prepared_with_its_own(tmp_path):
    pieces = [each(ABOVE, number) + (TEXT if number % 2 else "") for number in range(8)]
    put(tmp_path, "in/90001-h/90001-h.htm", "".join(pieces))
    pictures(tmp_path, *(f"in/90001-h/{number}.png" for number in range(8)))
    assert run(tmp_path / "out", f"gutenberg:{tmp_path / 'in'}", more="--split-by pair") == 0
    stored = stored_captions(tmp_path / "out")
    assert stored == {f"90001/{number}.png": CAPTIONS[number] for number in range(8)}


@pytest.mark.parametrize("kind", ["folder", "zip", "epub"])
def test_a_book_with_pictures_one_folder_up_is_prepared(tmp_path, kind):
    book = tmp_path / "in/90003"
    page = "".join(figure(f"../Images/{n}.png", CAPTIONS[n]) for n in range(8))
    put(book, "OEBPS/Text/ch1.xhtml", page + figure("../../../../x.png"))
    pictures(book / "OEBPS/Images", *(f"{number}.png" for number in range(8)))
    source = book.parent if kind == "folder" else packed(book, tmp_path / f"90003.{kind}")
    assert run(tmp_path / "out", f"gutenberg:{source}", more="--split-by pair") == 0
    stored = stored_captions(tmp_path / "out")
    assert stored == {f"90003/OEBPS/Images/{n}.png": CAPTIONS[n] for n in range(8)}
    assert set(rejected(tmp_path / "out").values()) == {"picture outside the book"}


@pytest.mark.parametrize("packing", [False, True])
def test_two_epubs_in_a_numbered_folder_are_two_books(tmp_path, packing):
    shelf_folder = tmp_path / "2023"
    for name in ("herons", "owls"):
        root = epub((tmp_path / "raw" if packing else shelf_folder) / name)
        shelf_folder.mkdir(exist_ok=True)
        if packing:
            packed(root, shelf_folder / f"{name}.epub")
    pairs = read(f"gutenberg:{shelf_folder}")
    assert {pair.group for pair in pairs} == {"2023/herons", "2023/owls"}
    assert len({pair.picture for pair in pairs}) == 6


def test_a_picture_of_the_folder_that_books_share_is_read(tmp_path):
    put(tmp_path, "in/30181/a.htm", figure("../shared/b.png"))
    pictures(tmp_path, "in/shared/b.png")
    (pair,) = read(f"gutenberg:{tmp_path / 'in'}")
    assert (pair.id, pair.group) == ("in/shared/b.png", "30181")
    assert pair.image.read_bytes() == (tmp_path / "in/shared/b.png").read_bytes()
