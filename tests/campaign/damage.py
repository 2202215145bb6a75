"""One flipped byte in every kind of file of a run, and logs cut anywhere; then who reads it?"""

import random
import re
import shutil
from pathlib import Path

from campaign.doors import Doors, End
from campaign.tally import Tally
from campaign.trained import Trained

_NUMBERS = re.compile(r"\d+|[0-9a-f]{16,}")
_UNREAD = ("log.txt", "metrics.csv")  # written for people


def run(seed: int, flips: int, cuts: int, trained: Trained, folder: Path) -> Tally:
    """`flips` damaged copies of a run for each kind of file, and `cuts` cut logs."""
    tally, chance, doors = Tally("damage"), random.Random(f"{seed}/damage"), Doors(trained.box)
    sound = _generated(doors, trained.run, folder / "sound")
    for kind, paths in kinds(trained.run).items():
        for _ in range(flips):
            copy = _copy(trained.run, folder / "copy")
            _flip(copy / chance.choice(paths), chance)
            _read_flipped(tally, doors, kind, copy, folder, sound)
    for _ in range(cuts):
        copy = _copy(trained.run, folder / "copy")
        log = copy / "metrics.jsonl"
        log.write_bytes(log.read_bytes()[: chance.randrange(log.stat().st_size + 1)])
        end = doors.call("report", str(copy), "--out", str(folder / "report.html"))
        tally.add("metrics.jsonl cut: report", _word(end), end.wrong)
    doors.close()
    tally.measures["peak MB"] = doors.peak
    return tally


def kinds(run: Path) -> dict[str, list[Path]]:
    """{kind: relative paths} of all files of a run; names that differ by numbers are one kind."""
    every = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and path.stat().st_size and path.name not in _UNREAD:
            name = str(path.relative_to(run))
            every.setdefault(_NUMBERS.sub("N", name), []).append(path.relative_to(run))
    return every


def _read_flipped(tally, doors, kind, copy, folder, sound) -> None:
    """Generates from a damaged run, then reports on it."""
    shutil.rmtree(folder / "made", ignore_errors=True)
    end, made = _generated(doors, copy, folder / "made")
    word = _word(end)
    if end.code == 0:
        word = "read, same answer" if made == sound[1] else "read, ANOTHER ANSWER"
    fault = end.wrong
    if word.endswith("ANSWER") and kind.startswith("checkpoints/"):
        fault = "a damaged checkpoint was read"
    tally.add(f"{kind}: generate", word, fault)
    end = doors.call("report", str(copy), "--out", str(folder / "report.html"))
    tally.add(f"{kind}: report", _word(end), end.wrong)


def _word(end: End) -> str:
    return {0: "read", 2: "refused in a sentence"}.get(end.code, "failed")


def _generated(doors: Doors, run: Path, out: Path) -> tuple[End, dict[str, bytes]]:
    flags = ("--workdir", str(run), "--num", "2", "--out", str(out))
    end = doors.call("generate", *flags)
    return end, {path.name: path.read_bytes() for path in out.glob("*")}


def _copy(run: Path, copy: Path) -> Path:
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(run, copy))


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
    path.write_bytes(bytes(content))
