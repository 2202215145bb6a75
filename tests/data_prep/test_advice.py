"""What the command says to type works: each advice is typed."""

import json
import re

from support.preparing import card, pictures, put, run, stored_captions, table, told


def captioned(folder, number=6):
    """A folder of pictures with a table."""
    pictures(folder, *(f"{i}.png" for i in range(number)))
    rows = "".join(f"{i}.png,{told(i)}\n" for i in range(number))
    put(folder, "captions.csv", f"image,caption\n{rows}")
    return f"folder:{folder}"


def test_tables_of_sub_folders_that_lack_the_columns(tmp_path, capsys):
    for first, split in ((0, "train"), (10, "test")):
        pictures(tmp_path / split, *(f"{i}.png" for i in range(first, first + 6)), first=first)
        rows = [{"file_name": f"{i}.png", "text": told(i)} for i in range(first, first + 6)]
        put(tmp_path / split, "metadata.jsonl", "\n".join(map(json.dumps, rows)))
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 2
    said = capsys.readouterr().err
    names = re.search(r"it has: (\w+), (\w+);", said).groups()
    flags = re.search(r"(--image-column) NAME (--caption-column) NAME", said).groups()
    more = " ".join(f"{flag} {name}" for flag, name in zip(flags, names, strict=True))
    assert run(tmp_path / "out", f"folder:{tmp_path}", more=more) == 0
    assert card(tmp_path / "out")["counts"]["splits"] == {"train": 4, "val": 2, "test": 6}


def test_a_table_of_another_name(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(6)))
    put(
        tmp_path,
        "results.csv",
        "image\tcaption\n" + "".join(f"{i}.png\t{told(i)}\n" for i in range(6)),
    )
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 2
    said = capsys.readouterr().err
    assert "no usable pair is left of 6: no caption (6)" in said
    assert "not read: 1 results.csv" in said
    source = re.search(r"type --source (\S+)", said)[1]
    assert run(tmp_path / "out", source) == 0
    assert len(stored_captions(tmp_path / "out")) == 6


def test_a_table_without_a_header(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(6)))
    rows = "".join(f"{i}.png;{told(i)}\n" for i in range(6))
    path = put(tmp_path, "captions.csv", rows)
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 2
    header = re.search(r"above it: (\S+)", capsys.readouterr().err)[1]
    path.write_text(f"{header}\n{rows}")
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 0


def test_a_table_that_is_not_utf8(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(6)))
    text = "image,caption\n" + "".join(f"{i}.png,{told(i)} à côté\n" for i in range(6))
    path = put(tmp_path, "captions.csv", text.encode("cp1252"))
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 2
    assert "save it as UTF-8" in capsys.readouterr().err
    path.write_text(text, encoding="utf-8")
    assert run(tmp_path / "out", f"folder:{tmp_path}") == 0


def test_another_data_set_in_the_folder(tmp_path, capsys):
    source, out = captioned(tmp_path / "in"), tmp_path / "out"
    assert run(out, source) == 0
    assert run(out, source, more="--min-side 20") == 2
    flag = re.search(r"type (--overwrite) to replace it", capsys.readouterr().err)[1]
    assert run(out, source, more=f"--min-side 20 {flag}") == 0
    (out / "card.json").write_text("{")
    assert run(out, source) == 2
    flag = re.search(r"cannot be read.*type (--overwrite)", capsys.readouterr().err)[1]
    assert run(out, source, more=flag) == 0


def test_a_data_set_of_before_a_setting_was_added_is_the_same(tmp_path, capsys):
    source, out = captioned(tmp_path / "in"), tmp_path / "out"
    assert run(out, source) == 0
    facts = card(out)
    for name in ("lines", "split_names"):
        del facts["settings"][name]
    (out / "card.json").write_text(json.dumps(facts))
    assert run(out, source) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(out, source, more="--lines captions") == 2
    assert "other settings (lines)" in capsys.readouterr().err


def test_values_out_of_range(tmp_path, capsys):
    source = captioned(tmp_path / "in")
    for flag in ("--image-size", "--min-side", "--max-aspect", "--caption-length", "--workers"):
        assert run(tmp_path / "out", source, more=f"{flag} 0") == 2
        least = re.search(r"least: (\d+)", capsys.readouterr().err)[1]
        assert run(tmp_path / f"out{flag}", source, more=f"{flag} {least}") == 0
    assert run(tmp_path / "out", source, more="--val-fraction 2") == 2
    val, test = re.search(r"for example (\S+) and (\S+)", capsys.readouterr().err).groups()
    assert run(tmp_path / "out", source, more=f"--val-fraction {val} --test-fraction {test}") == 0


def test_groups_that_are_not_there(tmp_path, capsys):
    pictures(tmp_path, *(f"{i}.png" for i in range(12)))
    put(tmp_path, "captions.csv", table([(i, told(i), "abc"[i % 3], "") for i in range(12)]))
    assert run(tmp_path / "out", f"folder:{tmp_path}", more="--groups z") == 2
    groups = re.search(r"there are: (\w), (\w), (\w)", capsys.readouterr().err).groups()
    assert run(tmp_path / "out", f"folder:{tmp_path}", more=f"--groups {' '.join(groups)}") == 0


def test_sources_by_their_names(tmp_path, capsys):
    assert run(tmp_path / "out", "nonsense") == 2
    kinds = re.search(r"type one of: (.*)", capsys.readouterr().err)[1].split(", ")
    assert len(kinds) >= 9
    for kind in kinds:
        name = kind.partition(":")[0]
        assert run(tmp_path / "out", f"{name}:nowhere") == 2
        assert "is not known" not in capsys.readouterr().err
    assert run(tmp_path / "out", "sprites:easy") == 2
    source = re.search(r"type for example (sprites:\d)", capsys.readouterr().err)[1]
    assert run(tmp_path / "out", source, more="--num-pairs 20") == 0
