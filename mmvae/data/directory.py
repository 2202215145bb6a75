"""A prepared data set's files beside its records: their names, and its card."""

from pathlib import Path
from typing import Any

from mmvae import files
from mmvae.errors import UserError

TOKENIZER = "tokenizer.model"  # also of a run
CARD = "card.json"  # also of a run
INFO = "dataset_info.json"  # of TensorFlow Datasets: where it is, records are

# What training reads of a card: {part: {field: kind}}.
_NEEDED = {
    "image": {"size": int, "channels": int},
    "vocabulary": {"size": int, "requested": int, "coverage": float | int, "measured_on": str},
}


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a data set, which has all that training reads of it.

    Raises:
        UserError: it is missing, damaged or partial.
    """
    remedy = f"type python -m data_prep.prepare --source SPEC --out {folder} --overwrite"
    card = files.read_object(folder / CARD, remedy)
    for part, fields in _NEEDED.items():
        for name, kind in fields.items():
            values = card.get(part)
            if not isinstance(values, dict) or not isinstance(values.get(name), kind):
                raise UserError(f"{folder / CARD} is damaged (no {part}.{name}); {remedy}.")
    return card


def picture_fields(card: dict) -> dict[str, int]:
    """The fields of `config.data` that say the shape of pictures, as a card has them."""
    return {"image_size": card["image"]["size"], "channels": card["image"]["channels"]}
