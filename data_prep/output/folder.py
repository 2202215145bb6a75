"""The folder of a data set: whole or not there at all."""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.output import card
from data_prep.sources.pair import Pair, storable
from data_prep.stages.images import Refused
from mmvae import files
from mmvae.data.directory import CARD
from mmvae.errors import UserError

_CELL = 10_000  # characters of a text in rejected.csv


def is_there(
    out: str | Path, settings: dict[str, Any], overwrite: bool, defaults: dict[str, Any]
) -> bool:
    """Whether `out` already holds the data set of these settings.

    Args:
        out: the folder.
        settings: of the data set that is asked for.
        overwrite: whether another data set may be replaced.
        defaults: what stands for the settings that an older data set lacks.

    Raises:
        UserError: it holds something else, which is never deleted unasked.
    """
    out = Path(out)
    if storable(str(out)) != str(out):
        raise UserError(f"--out {storable(str(out))} is not UTF-8; give a folder whose name is")
    if out.is_file():
        raise UserError(f"--out {out} is a file; give a folder that does not exist yet")
    if not out.exists() or not any(out.iterdir()):
        return False
    if not (out / CARD).is_file():
        raise UserError(f"--out {out} holds other files; give another --out")
    if overwrite:
        return False
    present = defaults | _settings(out)
    if present != json.loads(json.dumps(settings)):
        changed = sorted(k for k in settings | present if settings.get(k) != present.get(k))
        raise UserError(
            f"--out {out} holds a data set with other settings ({', '.join(changed)}); "
            f"type --overwrite to replace it, or give another --out"
        )
    return True


def _settings(out):
    try:
        return json.loads((out / CARD).read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--out {out}: its {CARD} cannot be read ({error}); type --overwrite to replace it"
        ) from error


@contextmanager
def replacing(out: str | Path) -> Iterator[Path]:
    """Yields a folder beside `out` that takes its place at the end, and only on success.

    Raises:
        UserError: another process prepares the same one.
    """
    out = Path(out).absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    lock, partial = (out.with_name(f".{out.name}.{kind}") for kind in ("lock", "partial"))
    with files.alone(lock, f"is preparing {out}", "give another --out"):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            _swap(partial, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def write_rejected(folder: Path, rejected: Iterable[tuple[Pair, Refused]]) -> None:
    """`rejected.csv`: one row for each (pair, Refused)."""
    with (folder / "rejected.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "reason", "detail", "caption", "group"])
        for pair, refused in rejected:
            texts = map(_shortened, (refused.detail, pair.caption))
            rows.writerow(map(storable, [pair.id, refused.reason, *texts, pair.group]))


def _shortened(text):
    """The text, of a very long one its beginning: programs refuse cells of a megabyte."""
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"


def write_card(folder: Path, facts: dict[str, Any], contact_sheet: bytes) -> None:
    """`card.json`, `card.md` and `contact_sheet.png`."""
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    if storable(text) != text:  # a path that is not UTF-8
        text = json.dumps(facts, indent=2) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")
    (folder / "card.md").write_text(storable(card.markdown(facts)), encoding="utf-8")
    (folder / "contact_sheet.png").write_bytes(contact_sheet)


def write_records(
    folder: Path, splits: dict[str, list[dict[str, Any]]], image: dict[str, Any]
) -> None:
    """TFRecord shards and the metadata that TensorFlow Datasets reads."""
    from mmvae.data import records

    lacking = any(not all(row["present"].values()) for rows in splits.values() for row in rows)
    schema = records.features(image["size"], image["channels"], image["format"], lacking)
    if not lacking:  # as data sets have always been
        bare = lambda row: {name: value for name, value in row.items() if name != "present"}
        splits = {split: [bare(row) for row in rows] for split, rows in splits.items()}

    def progress(rows):
        return iter(tqdm(rows, desc="writing records", unit=" pairs", disable=None))

    records.write(folder, splits, schema, progress)


def _swap(partial, out):
    """Puts the finished folder in place; a kill between the renames leaves both whole."""
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    partial.rename(out)
    shutil.rmtree(old, ignore_errors=True)
