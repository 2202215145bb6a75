"""Text in columns: the separator and the quoting are made out, and nothing is cut in silence."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_prep.sources.tables import separated

WANTED = [["image"], ["caption"]]


def read(text, tabs_first=False, wanted=WANTED):
    """([(picture, caption) or (line, fault)], notes) of a table of two columns."""
    columns = separated.read(text, wanted, tabs_first)
    rows = [(row.line, row.fault) if row.fault else tuple(row.cells) for row in columns.rows]
    return rows, columns.notes


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_header_shows_the_separator(mark, space, end):
    lines = [["image", "caption"], ["1.png", "A ship"], ["2.png", "A boat: two, three; four"]]
    if mark in ",;":
        lines[2][1] = f'"{lines[2][1]}"'
    rows, notes = read(end.join((mark + space).join(line) for line in lines) + end)
    assert rows == [("1.png", "A ship"), ("2.png", "A boat: two, three; four")]
    assert f"columns separated by {separated.MARKS[mark]}" in notes[0]


def test_a_header_may_be_quoted_padded_and_after_a_line_that_says_the_separator():
    assert read('sep=;\n" image" ;caption \n1.png;A ship\n')[0] == [("1.png", "A ship")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1.png,a mill, a river, and two boats", [("1.png", "a mill, a river, and two boats")]),
        ("1.png,a mill,,", [("1.png", "a mill")]),
        ("1.png", [("1.png", "")]),
        ('1.png,"Halt', [("1.png", '"Halt')]),
        ('1.png,"Halt\n2.png,A ship', [("1.png", '"Halt'), ("2.png", "A ship")]),
        ('1.png,"Halt\n2.png,A ship"', [("1.png", '"Halt'), ("2.png", 'A ship"')]),
        ('7,"Halt\n8,A ship"', [("7", '"Halt'), ("8", 'A ship"')]),
        ('1.png,"Halt\n2.png,"Go"\n3.png,x', [("1.png", '"Halt'), ("2.png", "Go"), ("3.png", "x")]),
        ('1.png,"Stop," said the guard', [("1.png", '"Stop," said the guard')]),
        ('1.png,the "Victory", a ship', [("1.png", 'the "Victory", a ship')]),
        ('1.png,"two\nlines, and ""more"""', [("1.png", 'two\nlines, and "more"')]),
        ('1.png,"two\n\nparagraphs"\n2.png,x', [("1.png", "two\n\nparagraphs"), ("2.png", "x")]),
    ],
)
def test_captions_come_out_whole(rows, expected):
    assert read(f"image,caption\n{rows}\n")[0] == expected


def test_a_caption_broken_over_lines_is_refused_in_both_rows():
    rows, _ = read("image,caption\n1.png,A ship\nand a boat\n2.png,A cart\n")
    assert rows == [
        (2, "line 3 may be the rest of it"),
        (3, "1 cells, 2 in the header"),
        ("2.png", "A cart"),
    ]


def test_a_name_broken_over_lines_is_read_whole_and_its_neighbours_are_sound():
    names = ["a1.png", "a2-\n-.tga", "a3.png"]
    out = io.StringIO()
    csv.writer(out).writerows([["image", "caption"], *([name, "a tree"] for name in names)])
    assert read(out.getvalue())[0] == [(name, "a tree") for name in names]


def test_surplus_cells_are_refused_where_no_one_knows_whose_they_are():
    three = [["image"], ["caption"]]
    rows, _ = read("image,caption,book\n1.png,a mill, a river,7\n2.png,a ship,8", wanted=three)
    assert rows == [(2, "4 cells, 3 in the header"), ("2.png", "a ship", "8")]
    rows, _ = read('image,caption\n1.png,"a mill", a river\n')
    assert rows == [(2, "3 cells, 2 in the header")]


def test_tabs_quote_nothing_unless_a_writer_of_csv_made_them():
    plain = 'image\tcaption\n1.png\t"Who goes there?\n2.png\t"Stop"\n3.png\t"Stop," he said\n'
    said = ['"Who goes there?', '"Stop"', '"Stop," he said']
    assert [caption for _, caption in read(plain, True)[0]] == said
    assert "not quoted" in read(plain, True)[1][0]
    written = 'image\tcaption\n1.png\t"He said ""go"""\n2.png\tA ship\n'
    assert [caption for _, caption in read(written, True)[0]] == ['He said "go"', "A ship"]
    everything = '"image"\t"caption"\n"1.png"\t"A ship"\n'
    assert read(everything, True)[0] == [("1.png", "A ship")]


def test_what_was_made_out_is_said():
    _, notes = read('image,caption\n1.png,a, b\n2.png,"c\n3.png,d\n')
    assert notes[0] == "columns separated by commas, not quoted"
    assert "(1, first in line 2)" in notes[1] and "read whole" in notes[1]
    assert "(1, first in line 3)" in notes[2] and "never close" in notes[2]


def test_the_header_that_a_table_lacks_can_be_put_above_it():
    first = "1.png;7;A ship in the harbour"
    header = separated.header_for(first, WANTED)
    assert header == "image;column2;caption"
    columns = separated.read(f"{header}\n{first}\n", WANTED)
    assert columns.rows[0].cells == ["1.png", "7", "A ship in the harbour"]
    assert separated.header_for("file;text", WANTED) == ""


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)
CAPTIONS = st.lists(CELL, min_size=1, max_size=6)


@given(CAPTIONS, st.sampled_from(",;|\t"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example(['"'], "\t", csv.QUOTE_MINIMAL)
def test_what_a_csv_writer_wrote_is_read_as_it_was(captions, mark, quoting):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=mark, quoting=quoting)
    writer.writerows([["image", "caption"], *([f"{i}.png", c] for i, c in enumerate(captions))])
    rows, _ = read(file.getvalue(), mark == "\t")
    assert rows == [(f"{i}.png", caption) for i, caption in enumerate(captions)]


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\t\0"), max_size=12)


@given(st.lists(LINE.filter(lambda line: not line.startswith('"')), min_size=1, max_size=6))
def test_plain_tabs_are_read_as_they_stand(captions):
    text = "image\tcaption\n" + "".join(f"{i}.png\t{c}\n" for i, c in enumerate(captions))
    rows, _ = read(text, True)
    assert rows == [(f"{i}.png", caption) for i, caption in enumerate(captions)]


@given(st.lists(st.text('ab,;"\n', max_size=12), min_size=1, max_size=5))
def test_whatever_is_written_without_care_nothing_is_cut(captions):
    """Each word of each line is in a cell, or in a row that has a fault."""
    text = "image,caption\n" + "".join(f"{i}.png,{c}\n" for i, c in enumerate(captions))
    columns = separated.read(text, WANTED)
    kept = [" ".join(row.cells) for row in columns.rows if not row.fault]
    lines = text.split("\n")
    starts = [row.line for row in columns.rows] + [len(lines) + 1]
    for row, following in zip(columns.rows, starts[1:], strict=True):
        raw = "\n".join(lines[row.line - 1 : following - 1])
        letters = [c for c in raw if c in "ab"]
        if not row.fault:
            assert [c for c in " ".join(row.cells) if c in "ab"] == letters
    assert len(columns.rows) >= len(captions) or any("\n" in cell for cell in kept)
