"""Hostile pictures and captions through `data_prep.prepare`: each a pair, or rejected and why."""

import csv
import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

from campaign import hostile
from campaign.hostile import Hostile
from campaign.processes import Done, Sandbox
from campaign.tally import Tally

MOST = 3000  # MB for TensorFlow, two workers, and the largest picture in each
_NUMBER = re.compile(r"n(\d{5})")
_SHARE = 250  # inputs a data set


def run(seed: int, inputs: int, folder: Path) -> Tally:
    """Inputs 0 to `inputs` of a seed, in data sets of three layouts in turn."""
    tally = Tally("prepare")
    for part, first in enumerate(range(0, inputs, _SHARE)):
        pairs = [hostile.make(seed, n) for n in range(first, min(first + _SHARE, inputs))]
        for name, layout in LAYOUTS.items():
            some = pairs[list(LAYOUTS).index(name) :: len(LAYOUTS)]
            if some:
                _prepare(tally, Sandbox(folder / f"{name}{part}"), some, layout)
    return tally


def _prepare(tally: Tally, box: Sandbox, pairs: list[Hostile], layout: Callable) -> None:
    """One data set of one layout."""
    source, out = layout(box.work / "source", pairs), box.work / "out"
    before = box.files(out)
    done = box.run(
        "data_prep.prepare",
        *("--source", source, "--out", str(out), "--image-size", "32", "--workers", "2"),
        *("--vocab-size", "8000", *(["--keep-uncaptioned"] if layout is shards else [])),
    )
    fault = done.wrong
    if done.code == 2:
        fault = f"a whole data set was refused: {done.output.strip().splitlines()[-1][:300]}"
    if fault:
        tally.fault(f"prepare {layout.__name__}: {fault}")
    tally.measures["peak MB"] = max(done.peak, tally.measures.get("peak MB", 0))
    if done.peak > MOST:
        tally.fault(f"prepare {layout.__name__}: {done.peak:.0f} MB of memory")
    for path in sorted(box.files(out).items() ^ before.items()):
        tally.fault(f"prepare {layout.__name__}: {path[0]} was changed outside --out")
    if not fault:
        _account(tally, pairs, out, done)
        box.remove()


def _account(tally: Tally, pairs: list[Hostile], out: Path, done: Done) -> None:
    """Where each pair is: kept, rejected, or among what is named as not read."""
    kept, rejected = _kept(out), _rejected(out)
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    unread = sum(card["inputs"]["not_read"].values())
    for pair in pairs:
        number, fault = int(pair.name[1:6]), ""
        if number in rejected:
            end = "rejected with a reason"
            if pair.intact and "duplicate" not in rejected[number]:
                fault = f"{pair.name!r} is sound and was rejected: {rejected[number]}"
        elif number in kept:
            end = "kept"
        elif unread > 0:
            unread, end = unread - 1, "named as not read"
        else:
            end, fault = "lost", f"{pair.name!r} {pair.kind} is nowhere"
        tally.add(f"picture: {pair.kind[0]}", end, fault)


def _kept(out: Path) -> set[int]:
    from mmvae.data import records

    splits = json.loads((out / "card.json").read_text(encoding="utf-8"))["counts"]["splits"]
    names = [
        name for split, number in splits.items() if number for name in records.read(out, split).ids
    ]
    return {int(_NUMBER.search(name).group(1)) for name in names}


def _rejected(out: Path) -> dict[int, str]:
    csv.field_size_limit(2**31 - 1)
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = ((_NUMBER.search(row["id"]), row["reason"]) for row in rows)
    return {int(match.group(1)): reason for match, reason in found if match}


def sidecars(source: Path, pairs: list[Hostile]) -> str:
    """A folder of pictures with a text file each; returns its SPEC."""
    source.mkdir()
    for pair in pairs:
        (source / pair.name).write_bytes(pair.picture)
        stem = os.path.splitext(pair.name)[0]
        (source / f"{stem}.txt").write_bytes(pair.caption)
    return f"folder:{source}"


def table(source: Path, pairs: list[Hostile]) -> str:
    """A folder of pictures with a table of captions; returns its SPEC."""
    (source / "images").mkdir(parents=True)
    with (source / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        for pair in pairs:
            (source / "images" / pair.name).write_bytes(pair.picture)
            rows.writerow([f"images/{pair.name}", pair.text])
    return f"folder:{source}"


def shards(source: Path, pairs: list[Hostile]) -> str:
    """A folder with a tar of pictures and captions; returns its SPEC."""
    source.mkdir()
    with tarfile.open(source / "00000.tar", "w") as tar:
        for pair in pairs:
            _add(tar, pair.name, pair.picture)
            _add(tar, os.path.splitext(pair.name)[0] + ".txt", pair.caption)
    return f"webdataset:{source}"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


LAYOUTS = {"sidecars": sidecars, "table": table, "shards": shards}
