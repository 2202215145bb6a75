"""An objective with private codes from the command line: trained, used, measured."""

import json

import numpy as np
import pytest

from mmvae import evaluate, generate, main
from mmvae.command_line import run
from mmvae.inference.session import Session

CONFIG = """from support import tiny


def get_config():
    return tiny.config(**dict({changes})).lock()
"""


@pytest.fixture(scope="module")
def workdir(sprites_dataset, tmp_path_factory):
    """A run of one epoch of MMVAE+, its objective named by a flag."""
    folder = tmp_path_factory.mktemp("private")
    changes = {"data__image_size": 32, "data__channels": 3, "data__dir": str(sprites_dataset)}
    changes |= {"train__epochs": 1, "train__batch_size": 16, "wandb__mode": "disabled"}
    changes |= {"objective__private": 3, "objective__draws": 2}
    file = folder / "private.py"
    file.write_text(CONFIG.format(changes=changes))
    name = "--config.objective.name=mmvaeplus"
    assert main.main(["--config", str(file), "--workdir", str(folder / "run"), name]) == 0
    return folder / "run"


def test_a_wrong_name_is_answered_with_the_nearest(sprites_dataset, workdir, capsys):
    file = workdir.parent / "private.py"
    argv = ["--config", str(file), "--workdir", str(workdir.parent / "no")]
    assert run(main.main, [*argv, "--config.objective.name=mmvaepluss"]) == 2
    assert "did you mean mmvaeplus?" in capsys.readouterr().err


def test_its_metrics_are_logged_and_finite(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    last = {name: value for row in rows for name, value in row.items()}
    for name in ("train/loss_bound", "train/loss_image", "val/loss_total", "val/latent_kl"):
        assert np.isfinite(last[name]), name


def test_one_modality_gives_the_other_with_a_code_of_its_own(workdir, tmp_path):
    session = Session.load(workdir)
    assert session.latent_dim == 8 + 2 * 3
    mean, _ = session.encode(caption=["a red square"])
    codes = session.model.layout.code(mean, "image")[:, 8:]
    np.testing.assert_array_equal(codes, np.zeros((1, 3)))  # its prior's mean
    argv = ["--workdir", str(workdir), "--caption", "a red square", "--num", "2"]
    assert generate.main([*argv, "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("00*.png"))) == 2


def test_bounds_of_it_are_measured(workdir, tmp_path):
    file = tmp_path / "measured.json"
    argv = ["--workdir", str(workdir), "--split", "val", "--out", str(file)]
    assert evaluate.main([*argv, "--metrics", "likelihood,losses", "--draws", "2"]) == 0
    assert "elbo_joint" in file.read_text()
