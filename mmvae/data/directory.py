"""Names of a prepared data set's files beside its records."""

TOKENIZER = "tokenizer.model"  # also of a run
CARD = "card.json"  # also of a run
INFO = "dataset_info.json"  # of TensorFlow Datasets: where it is, records are


def picture_fields(card: dict) -> dict[str, int]:
    """The fields of `config.data` that say the shape of pictures, as a card has them."""
    return {"image_size": card["image"]["size"], "channels": card["image"]["channels"]}
