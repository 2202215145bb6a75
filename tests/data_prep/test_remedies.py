"""What the command says to type works: each advice is typed."""

import csv
import json
import re
import shlex

import pytest
from PIL import Image, ImageDraw

from data_prep import prepare
from data_prep.stages import remedies
from support.drawings import drawing, shifted

QUICK = "--image-size 32 --vocab-size 400 --val-fraction 0.2 --test-fraction 0 --workers 1"


def make(root, rows):
    """A folder with captions.csv of (name, picture, caption)."""
    root.mkdir()
    for name, picture, _ in rows:
        picture.save(root / name)
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "caption"), *((n, c) for n, _, c in rows)])
    return root


def run(source, out, *more):
    return prepare.main([*QUICK.split(), "--source", f"folder:{source}", "--out", str(out), *more])


def counts(out):
    return json.loads((out / "card.json").read_text(encoding="utf-8"))["counts"]


def good(number):
    return [(f"good{i}.png", drawing(100 + i), f"A ship and the lamp {i}") for i in range(number)]


def coloured_shapes():
    rows = []
    for colour in ("red", "green", "blue", "yellow", "black", "purple"):
        image = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(image).ellipse([14, 14, 50, 50], fill=colour)
        rows.append((f"{colour}.png", image, f"a {colour} circle"))
    return rows


LEFT_OUT = {
    "near-duplicate picture": [
        (f"{i}.png", shifted(drawing(1), i), f"Frame {i} of a film") for i in range(6)
    ],
    "picture too small": [(f"{i}.png", drawing(i, 20, 24), "A small ship") for i in range(6)],
    "picture too long": [(f"{i}.png", drawing(i, 40, 200), "A long ship") for i in range(6)],
    "no caption": [(f"{i}.png", drawing(i), "") for i in range(6)],
    "caption is only a label or a number": [(f"{i}.png", drawing(i), str(i)) for i in range(6)],
    "caption is a single letter": [(f"{c}.png", drawing(ord(c) - 97), c) for c in "abefgh"],
    "caption is a file name": [(f"{i}.png", drawing(i), f"scan_{i}") for i in range(6)],
    "caption is about the edition": [
        (f"{i}.png", drawing(i), "Project Gutenberg, its offices") for i in range(6)
    ],
    "caption says nothing": [(f"{i}.png", drawing(i), "a cover") for i in range(6)],
}


@pytest.mark.parametrize("reason", remedies.KEPT_BY)
def test_the_flag_that_is_named_keeps_what_was_left_out(tmp_path, capsys, reason):
    source = make(tmp_path / "in", LEFT_OUT[reason] + good(8))
    assert run(source, tmp_path / "out") == 0
    left_out = counts(tmp_path / "out")["rejected_by_reason"][reason]
    assert left_out >= 5
    flag = re.search(r"that (--.+) keeps; type it", capsys.readouterr().out)[1]
    assert run(source, tmp_path / "again", *shlex.split(flag)) == 0
    assert counts(tmp_path / "again")["kept"] == 14


def test_little_left_out_is_no_reason_to_speak(tmp_path, capsys):
    source = make(tmp_path / "in", LEFT_OUT["no caption"][:1] + good(14))
    assert run(source, tmp_path / "out") == 0
    assert "type it" not in capsys.readouterr().out


def test_pictures_that_differ_in_colour_alone_are_all_kept(tmp_path):
    source = make(tmp_path / "in", coloured_shapes())
    assert run(source, tmp_path / "out") == 0
    assert counts(tmp_path / "out")["kept"] == 6


def ideographs(numbers):
    return "".join(chr(0x4E00 + number) for number in numbers)


def test_a_script_of_many_characters_hears_the_size_that_is_enough(tmp_path, capsys):
    rows = [
        (f"{i}.png", drawing(i, 40, 40), ideographs(range(20 * i, 20 * i + 20))) for i in range(20)
    ]
    source = make(tmp_path / "in", rows)
    assert run(source, tmp_path / "out") == 2
    advice = re.search(r"type (--vocab-size \d+) or more", capsys.readouterr().err)[1]
    assert run(source, tmp_path / "out", *advice.split()) == 0


def test_too_few_groups_hear_what_is_enough(tmp_path, capsys):
    source = make(tmp_path / "in", good(6))
    table = source / "captions.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{lines[0]},group", *(f"{line},one" for line in lines[1:])]))
    assert run(source, tmp_path / "out") == 2
    advice = re.search(r"type (--split-by pair), or (--val-fraction 0)", capsys.readouterr().err)
    for number, flags in enumerate(advice.groups()):
        assert run(source, tmp_path / str(number), *flags.split()) == 0
