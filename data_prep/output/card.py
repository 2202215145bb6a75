"""The card of a data set: what is inside, to read (`card.md`), to parse, and to look at."""

import io
import platform
from collections import Counter
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

from data_prep.output.ledger import not_read
from mmvae.data.contact_sheet import contact_sheet
from mmvae.data.text import verdict

_PAIRS_SHOWN = 48
_LIBRARIES = ("pillow", "imagehash", "sentencepiece", "tensorflow-datasets", "numpy")


def describe(
    splits: dict[str, list[dict[str, Any]]],
    image: dict[str, Any],
    total: int,
    rejected: Counter[str],
) -> dict[str, Any]:
    """The countable part of `card.json`.

    Args:
        splits: {split: rows to be stored}.
        image: {"size", "channels", "format"} of the pictures.
        total: number of raw pairs.
        rejected: Counter of reasons.
    """
    kinds = {split: dict(_kinds(rows)) for split, rows in splits.items()}
    lacking = any(set(kinds_of) - {"pair"} for kinds_of in kinds.values())
    shown = {s: [row for row in rows if row["present"]["image"]] for s, rows in splits.items()}
    splits, kept = shown, sum(len(rows) for rows in shown.values())
    return {
        "counts": {
            "found": total,
            "kept": kept,
            "rejected": sum(rejected.values()),
            "rejected_by_reason": dict(sorted(rejected.items())),
            "splits": {name: len(rows) for name, rows in splits.items()},
            "fractions": {name: round(len(rows) / kept, 4) for name, rows in splits.items()},
            "groups": {name: len({row["group"] for row in rows}) for name, rows in splits.items()},
        }
        | ({"rows": kinds} if lacking else {}),
        "image": image | _levels(splits["train"]),
        "captions": _captions([row["caption"] for rows in splits.values() for row in rows]),
        "created_with": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    }


def markdown(card: dict[str, Any]) -> str:
    """`card.md`: the card in one page of plain words."""
    counts, image, words = card["counts"], card["image"], card["captions"]
    splits = [
        f"| {name} | {count} | {counts['fractions'][name]:.1%} | {counts['groups'][name]} |"
        for name, count in counts["splits"].items()
    ]
    reasons = [f"| {reason} | {count} |" for reason, count in by_count(counts)]
    return "\n".join(
        [
            f"# {card['name']}",
            "",
            f"{counts['kept']} pairs of a picture and a caption, from {', '.join(card['sources'])}."
            f" Pictures: {image['size']} x {image['size']} x {image['channels']}, "
            f"{image['format'].upper()}. Captions: {words['mean_words']} words on average, "
            f"{words['distinct']} different.",
            "",
            "| split | pairs | share | groups |",
            "| --- | --- | --- | --- |",
            *splits,
            "",
            *_listed(rows_of_kinds(counts)),
            *([prose(card["prose"]), ""] if "prose" in card else []),
            verdict(card["vocabulary"]),
            "",
            f"{counts['found']} pairs were found; {counts['rejected']} were left out, each with "
            f"its reason in `rejected.csv`:",
            "",
            "| reason | pairs |",
            "| --- | --- |",
            *reasons,
            "",
            *_inputs(card["inputs"]),
            "![a sample of the training pairs](contact_sheet.png)",
            "",
        ]
    )


def _inputs(inputs):
    """What was not read, and what was made out about the sources, a line each."""
    return _listed([line for line in (not_read(inputs["not_read"]), *inputs["notes"]) if line])


def _listed(lines):
    return [*(f"* {line}" for line in lines), *([""] if lines else [])]


def rows_of_kinds(counts: dict[str, Any]) -> list[str]:
    """A line for each split of a set in which some rows lack a picture or a caption."""
    said = {"pair": "pairs", "caption": "captions alone", "image": "pictures alone"}
    return [
        f"{split}: " + ", ".join(f"{number:,} {said[kind]}" for kind, number in kinds.items())
        for split, kinds in counts.get("rows", {}).items()
    ]


def prose(facts: dict[str, Any]) -> str:
    """A sentence on the texts without pictures; "" where there were none."""
    if not facts:
        return ""
    left = ", ".join(f"{number:,} {reason}" for reason, number in facts["left_out"].items())
    return (
        f"{facts['kept']:,} of {facts['sentences']:,} sentences from {facts['texts']} texts are "
        f"captions alone, all in train; left out: {left or 'none'}."
    )


def _kinds(rows):
    """Counts of rows by what they have."""
    names = ("pair", "image", "caption")
    has = lambda row: (row["present"]["image"], row["present"]["caption"])
    return Counter(names[0 if all(has(row)) else 1 + (not has(row)[0])] for row in rows)


def by_count(counts: dict[str, Any]) -> list[tuple[str, int]]:
    """(reason, number) of what was left out, most frequent first."""
    reasons = counts["rejected_by_reason"].items()
    return sorted(reasons, key=lambda item: (-item[1], item[0]))


def contact_sheet_of(rows: list[dict[str, Any]]) -> bytes:
    """PNG bytes of up to 48 training pairs, spread evenly over the split."""
    rows = [row for row in rows if row["present"]["image"]]
    picked = np.linspace(0, len(rows) - 1, min(len(rows), _PAIRS_SHOWN)).astype(int)
    pictures = [np.asarray(Image.open(io.BytesIO(rows[i]["image"]))) for i in picked]
    out = io.BytesIO()
    contact_sheet(pictures, [rows[i]["caption"] for i in picked]).save(out, "PNG")
    return out.getvalue()


def _levels(rows):
    """Mean and standard deviation of the training pictures, per channel, in [0, 1]."""
    total, squares, pictures = 0.0, 0.0, 0
    for row in rows:
        pixels = np.asarray(Image.open(io.BytesIO(row["image"])), np.float64) / 255
        pixels = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
        total, squares = total + pixels.mean(axis=0), squares + (pixels**2).mean(axis=0)
        pictures += 1
    mean = total / pictures
    deviation = np.sqrt(np.maximum(squares / pictures - mean**2, 0))
    return {"mean": mean.round(6).tolist(), "std": deviation.round(6).tolist()}


def _captions(captions):
    words = [len(caption.split()) for caption in captions if caption]
    seen = Counter(caption for caption in captions if caption)
    return {
        "with_caption": len(words),
        "without_caption": len(captions) - len(words),
        "distinct": len(seen),
        "mean_words": round(float(np.mean(words)), 2),
        "median_words": float(np.median(words)),
        "max_words": max(words),
        "distinct_words": len({w for caption in seen for w in caption.lower().split()}),
    }
