"""Names of a prepared data set's files beside its records."""

TOKENIZER = "tokenizer.model"  # also of a run
CARD = "card.json"  # also of a run
INFO = "dataset_info.json"  # of TensorFlow Datasets: where it is, records are
