"""A third modality from the command line: labels beside pictures and captions of sprites."""

import csv
import json
from itertools import combinations

import pytest

from mmvae import evaluate, generate, main
from mmvae.command_line import run
from mmvae.data import records

CLASSES = {"shape": ("square", "ellipse", "heart")}  # what captions of level 1 tell
CONFIG = """from ml_collections import ConfigDict
from support import tiny


def get_config():
    changes = dict({changes})
    config = tiny.with_label(**changes)
    with config.unlocked():
        config.model.modalities.label.classes = ConfigDict({classes})
    return config.lock()
"""


@pytest.fixture(scope="module")
def workdir(sprites_dataset, tmp_path_factory):
    """A run of one epoch over three modalities."""
    folder = tmp_path_factory.mktemp("label")
    changes = {"data__image_size": 32, "data__channels": 3, "data__dir": str(sprites_dataset)}
    changes |= {"train__epochs": 1, "train__batch_size": 16, "wandb__mode": "disabled"}
    file = folder / "label.py"
    file.write_text(CONFIG.format(changes=changes, classes=CLASSES))
    assert main.main(["--config", str(file), "--workdir", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def pair(sprites_dataset, tmp_path_factory):
    """{modality: text that `--given` takes} of one stored sprite."""
    stored = records.read(sprites_dataset, "val")
    file = tmp_path_factory.mktemp("given") / "sprite.png"
    file.write_bytes(stored.images.numpy()[0])
    shape = stored.attributes[0]["shape"]
    return {"image": str(file), "caption": stored.captions[0], "label": f"shape={shape}"}


def subsets(names):
    return [subset for size in (1, 2, 3) for subset in combinations(names, size)]


@pytest.mark.parametrize("given", subsets(("caption", "image", "label")), ids="+".join)
def test_any_subset_gives_all_the_others(workdir, pair, given, tmp_path):
    flags = [flag for name in given for flag in ("--given", f"{name}={pair[name]}")]
    argv = ["--workdir", str(workdir), *flags, "--num", "2", "--out", str(tmp_path / "out")]
    assert generate.main(argv) == 0
    with (tmp_path / "out" / "captions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["0", "1"]
    for row in rows:
        name, _, value = row["label"].partition("=")
        assert name == "shape" and value in CLASSES["shape"]
        assert (tmp_path / "out" / row["file"]).stat().st_size > 0


def test_labels_have_metrics_of_their_own(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    logged = {name for row in rows for name in row}
    wanted = {"loss_label", "label_accuracy", "label_z_gap", "label_accuracy_from_caption"}
    assert {f"val/{name}" for name in wanted} <= logged
    assert {"val/loss_image_from_label", "val/caption_accuracy_from_label"} <= logged


def test_evaluation_measures_a_run_with_labels(workdir, tmp_path):
    out = tmp_path / "evaluation.json"
    argv = ["--workdir", str(workdir), "--split", "val", "--num", "8", "--draws", "2"]
    assert evaluate.main([*argv, "--metrics", "losses,likelihood", "--out", str(out)]) == 0
    values = json.loads(out.read_text())["model"]
    assert {"loss_label", "iwae_label", "log_likelihood_label_from_image"} <= set(values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("label=shape=hart", "did you mean heart?"),
        ("label=form=heart", "form is no attribute of this model; it has: shape"),
        ("label=heart", "says no class"),
        ("lable=shape=heart", "did you mean label?"),
        ("label", "must be NAME=VALUE"),
    ],
)
def test_what_cannot_be_given_is_refused_in_one_sentence(workdir, given, message, tmp_path, capsys):
    argv = ["--workdir", str(workdir), "--given", given, "--out", str(tmp_path / "out")]
    assert run(generate.main, argv) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
