"""`kill -9` at random moments of prepare, a training and a sweep, each resumed to its end.

The moments lie evenly over the whole life of a command, in a random order. What was killed is begun
again by the same command, which is killed in its turn; after the last kill it may end. A command
that ends before its moment is not counted as killed: its work is checked and it begins anew.
"""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from campaign.processes import Sandbox
from campaign.tally import Tally
from campaign.trained import CONFIG, SPRITES, Trained, must

_RATES = "optimizer.learning_rate=1e-3,2e-3"


@dataclass(frozen=True)
class Work:
    """A command that is killed.

    Attributes:
        module: that is run.
        flags: given the folder of its output.
        halves: sentences on what lies there and is not whole, after a kill.
        differs: a sentence on how a finished output (first) differs from an uninterrupted one.
        alone: whether every other kill spares the processes that the command started.
    """

    module: str
    flags: Callable[[Path], list[str]]
    halves: Callable[[Path], list[str]]
    differs: Callable[[Path, Path], str]
    alone: bool = False


def run(seed: int, kills: dict[str, int], trained: Trained, folder: Path) -> Tally:
    """So many kills of each of `WORKS`, by its name."""
    tally, box = Tally("kill -9"), Sandbox(folder)
    for name, number in kills.items():
        if number:
            chance = random.Random(f"{seed}/{name}")
            _killed(tally, name, WORKS[name](trained.data), box, number, chance)
    box.remove()
    return tally


def _killed(tally: Tally, name: str, work: Work, box: Sandbox, number: int, chance) -> None:
    whole, out = box.work / f"{name}-whole", box.work / f"{name}-killed"
    life = must(box.run(work.module, *work.flags(whole))).seconds
    moments = [(place + chance.random()) / number * life for place in range(number)]
    chance.shuffle(moments)
    for turn, moment in enumerate(moments):
        alone = work.alone and turn % 2 == 1
        done = box.run(work.module, *work.flags(out), kill_after=moment, alone=alone)
        if done.code == 0:
            _finished(tally, name, work, out, whole)
            continue
        wrong = "" if done.code == -9 else done.wrong or f"refused: {done.output[-300:]}"
        for half in work.halves(out):
            tally.fault(f"{name} killed after {moment:.1f} s: {half}")
        which = "killed alone" if alone else "killed"
        tally.add(name, f"{which} and begun again", wrong)
    done = box.run(work.module, *work.flags(out))
    if done.code == 0:
        _finished(tally, name, work, out, whole)
    else:
        tally.add(name, "not resumed", f"after the last kill: {done.output[-500:]}")


def _finished(tally: Tally, name: str, work: Work, out: Path, whole: Path) -> None:
    """Compares a finished output with an uninterrupted one, and removes it."""
    wrong = "; ".join(filter(None, [*work.halves(out), work.differs(out, whole)]))
    tally.add(f"{name}: outputs of resumed commands", "another" if wrong else "the same", wrong)
    shutil.rmtree(out)


# What is compared


def _prepare(data: Path) -> Work:
    return Work(
        "data_prep.prepare",
        lambda out: [*SPRITES.split(), "--out", str(out)],
        lambda out: [] if not out.exists() or (out / "card.json").exists() else ["no card.json"],
        lambda out, whole: _other_files(_sums(out), _sums(whole)),
    )


def _training(data: Path) -> Work:
    return Work(
        "mmvae.main",
        lambda out: ["--config", CONFIG, "--workdir", str(out), f"--config.data.dir={data}"],
        broken_files,
        other_run,
    )


def _sweep(data: Path) -> Work:
    flags = ["--config", CONFIG, "--grid", _RATES, f"--config.data.dir={data}"]
    flags += ["--config.train.epochs=2"]
    return Work(
        "mmvae.sweep",
        lambda out: [*flags, "--out", str(out)],
        lambda out: [half for run in _runs(out) for half in broken_files(run)],
        lambda out, whole: "; ".join(
            filter(None, (other_run(out / run.name, run) for run in _runs(whole)))
        ),
        alone=True,
    )


def _runs(out: Path) -> list[Path]:
    return sorted(path for path in out.glob("*/") if not path.name.startswith("."))


def _sums(folder: Path) -> dict[str, str]:
    """{path: SHA-256} of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    return {str(path.relative_to(folder)): digest(path) for path in files}


def _other_files(one: dict[str, str], other: dict[str, str]) -> str:
    names = sorted(name for name in one | other if one.get(name) != other.get(name))
    return f"other files: {', '.join(names[:5])}" if names else ""


def broken_files(run: Path) -> list[str]:
    """Sentences on files of a run that are half written, where they must be whole or absent."""
    broken = []
    for name in ("config.json", "card.json", "facts.json"):
        path = run / name
        try:
            json.loads(path.read_text() if path.exists() else "{}")
        except ValueError as error:
            broken.append(f"{path.name} is half written ({error})")
    samplers = run / "samplers.npz"
    try:
        if samplers.exists():
            dict(np.load(samplers))
    except Exception as error:
        broken.append(f"samplers.npz is half written ({error})")
    return broken


def other_run(run: Path, whole: Path) -> str:
    """How a run's parameters, log and samplers differ from another's, or ""."""
    import jax

    from mmvae.runs.checkpoints import Checkpoints
    from mmvae.runs.writers import read_rows

    def state(folder):
        with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
            names = ("params", "ema_params", "opt_state")
            trees = [checkpoints.restore_subtree("latest", name) for name in names]
        return jax.tree.leaves(trees)

    if not (run / "checkpoints").exists():
        return f"{run.name} has no checkpoint"
    pairs = list(zip(state(run), state(whole), strict=True))
    if not all(np.array_equal(*pair, equal_nan=True) for pair in pairs):
        return f"{run.name}: other parameters"
    rows, others = (_told(read_rows(folder / "metrics.jsonl")) for folder in (run, whole))
    if rows != others:
        return f"{run.name}: {len(rows)} rows are logged, {len(others)} without kills, or others"
    fitted, others = (dict(np.load(folder / "samplers.npz")) for folder in (run, whole))
    same = fitted.keys() == others.keys()
    same = same and all(np.array_equal(fitted[key], others[key]) for key in fitted)
    return "" if same else f"{run.name}: other samplers"


def _told(rows: list[dict]) -> list[tuple]:
    """Rows without what the clock says."""
    timed = lambda name: name == "time" or name.startswith("system/")
    told = [{name: value for name, value in row.items() if not timed(name)} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in told)


WORKS = {"prepare": _prepare, "training": _training, "sweep": _sweep}
