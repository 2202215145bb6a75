"""Runs copied file by file, or written with numbers that are known."""

import json


def copy(source, target, without=()):
    """Copy a run's small files."""
    for path in source.iterdir():
        if path.is_file() and path.name not in without:
            (target / path.name).write_bytes(path.read_bytes())


def write(folder, evaluations, best_by="baselines", evaluation=None, train=None):
    """A run of an epoch each 10 steps, which logged `evaluations`: [{metric of "val/": value}].

    Its mean picture has an MSE of 0.2, its pieces alone a loss of 6.5. `train` are the values of
    "train/" of each epoch, by default those of validation; `evaluation` that of evaluation.json.
    """
    halves = {"image_mse": 0.2, "loss_caption": 6.5}
    baselines = {
        "mean image": {"image_mse": 0.2},
        "unigram": {"loss_caption": 6.5, "caption_accuracy": 0.065},
    }
    files = {
        "config": {"train": {"epochs": len(evaluations)}, "checkpoint": {"best_by": best_by}},
        "facts": {"baselines": baselines, "halves": halves},
    }
    if evaluation:
        files["evaluation"] = evaluation
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    rows = []
    for epoch, (val, shown) in enumerate(zip(evaluations, train or evaluations, strict=True), 1):
        place = {"step": 10 * epoch, "epoch": epoch, "time": 100.0 + epoch}
        rows.append(place | {f"train/{name}": value for name, value in shown.items()})
        rows.append(place | {f"val/{name}": value for name, value in val.items()})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def variants(driven, tmp_path, changes):
    """Copies of a healthy run whose configurations differ by {name: {field: value}}."""
    folders = []
    for name, fields in changes.items():
        folder = tmp_path / name
        folder.mkdir()
        copy(driven / "healthy", folder)
        config = json.loads((folder / "config.json").read_text())
        for field, value in fields.items():
            *groups, last = field.split(".")
            inner = config
            for group in groups:
                inner = inner[group]
            inner[last] = value
        (folder / "config.json").write_text(json.dumps(config))
        folders.append(folder)
    return folders
