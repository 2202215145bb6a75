"""Training end to end: logs, resuming, divergence, and two processes."""

import json
import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from mmvae import config as configs
from mmvae import evaluate, generate
from mmvae.errors import UserError
from mmvae.inference.session import Session
from mmvae.reporting import runs
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.writers import read_rows
from mmvae.training.journal import Diverged
from mmvae.training.loop import train
from mmvae.training.preemption import StopRequest
from support import tiny, wandb_files
from support.places import ROOT

EPOCHS = 3
BATCH = 8
TRAIN_NAMES = """
loss_total loss_image loss_caption loss_alignment loss_kl loss_prior
latent_mean latent_std latent_norm latent_active_units latent_kl
image_mse image_l1 image_psnr caption_accuracy caption_perplexity caption_entropy
grad_norm grad_mean grad_max update_ratio learning_rate kl_weight
""".split()
VAL_NAMES = """
loss_total loss_image loss_caption loss_alignment loss_kl loss_prior
latent_mean latent_std latent_norm latent_active_units latent_kl
image_mse image_l1 image_psnr caption_accuracy caption_perplexity caption_entropy caption_z_gap
caption_accuracy_from_image coherence_image_to_caption coherence_caption_to_image coherence_joint
""".split()
SYSTEM_NAMES = ["cpu_percent", "images_per_second", "step_seconds", "data_wait_percent"]


def config_for(dataset, **changes):
    settings = {
        "data__dir": str(dataset),
        "data__image_size": 32,
        "data__channels": 3,
        "train__epochs": EPOCHS,
        "train__batch_size": BATCH,
        "train__log_every_steps": 3,
        "eval__samples_every_epochs": 2,
        "eval__num_samples": 4,
        "wandb__mode": "disabled",
    }
    return tiny.config(**(settings | changes)).lock()


def params_of(run):
    with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.restore_subtree("latest", "params")


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.fixture(scope="module")
def run(sprites_dataset, tmp_path_factory):
    """A finished run, with W&B offline."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    assert train(config_for(sprites_dataset, wandb__mode="offline"), workdir) == 0
    return workdir


def test_every_metric_is_logged(run):
    rows = read_rows(run / "metrics.jsonl")
    logged = set().union(*rows)
    wanted = {f"train/{n}" for n in TRAIN_NAMES} | {f"val/{n}" for n in VAL_NAMES}
    assert wanted | {f"system/{n}" for n in SYSTEM_NAMES} <= logged
    evaluations = [row for row in rows if "val/loss_total" in row]
    assert [row["epoch"] for row in evaluations] == [1, 2, 3]


def test_a_run_explains_itself(run, sprites_dataset):
    for name in ("config.json", "tokenizer.model", "card.json", "metrics.csv", "metrics.jsonl"):
        assert (run / name).stat().st_size > 0
    stored = configs.from_json((run / "config.json").read_text())
    assert stored.data.dir == str(sprites_dataset)
    grids = {path.name.rsplit("_", 1)[0] for path in (run / "samples").glob("*.png")}
    assert grids == {"reconstruction", "image_to_caption", "caption_to_image", "generated"}
    assert list((run / "samples").glob("captions_*.csv"))


def test_the_offline_wandb_run_has_every_metric_and_picture(run):
    records = list(wandb_files.scan(wandb_files.run_file(run)))
    rows = wandb_files.history(records)
    names = {f"{outer}/{name}" for row in rows for outer in row for name in _inner(row[outer])}
    names |= {name for row in rows for name in row}
    logged = set().union(*read_rows(run / "metrics.jsonl")) - {"time", "step"}
    assert logged <= names
    wanted = {f"train/{n}" for n in TRAIN_NAMES} | {f"val/{n}" for n in VAL_NAMES}
    assert wanted | {"captions", "generated", "reconstruction", "train/gradient_norms"} <= names
    summary = [wandb_files.items(record.summary.update) for record in records]
    assert {"best_step", "best_val/image_mse"} <= set().union(*summary)


def _inner(value):
    return value if isinstance(value, dict) else ()


def test_the_best_checkpoint_has_the_least_sum_of_shares_of_what_is_trivial(run):
    rows = [row for row in read_rows(run / "metrics.jsonl") if "val/loss_total" in row]
    trivial = json.loads((run / "facts.json").read_text())["halves"]
    assert trivial.keys() == {"image_mse", "loss_caption"}
    best = min(rows, key=lambda row: sum(row[f"val/{n}"] / x for n, x in trivial.items()))
    with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
        assert checkpoints.best_step() == best["step"]
        assert checkpoints.best_val_loss() == pytest.approx(best["val/loss_total"])


@pytest.mark.parametrize("stop_at", [2, 11])
def test_a_resumed_run_equals_an_uninterrupted_one(
    run, sprites_dataset, tmp_path, monkeypatch, stop_at
):
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "should_stop", lambda self, step: step == stop_at)
        train(config_for(sprites_dataset, wandb__mode="offline"), tmp_path)
    train(config_for(sprites_dataset, wandb__mode="offline"), tmp_path)
    assert_same(params_of(tmp_path), params_of(run))
    last = lambda path: [r for r in read_rows(path / "metrics.jsonl") if "val/loss_total" in r][-1]
    assert last(tmp_path)["val/loss_total"] == last(run)["val/loss_total"]


def test_a_finished_run_is_left_alone(run, sprites_dataset):
    before, told = params_of(run), wandb_files.run_file(run)
    train(config_for(sprites_dataset, wandb__mode="offline"), run)
    assert_same(params_of(run), before)
    assert wandb_files.run_file(run) == told  # the only one still


def test_divergence_is_named_and_keeps_the_good_checkpoint(sprites_dataset, tmp_path):
    config = config_for(
        sprites_dataset,
        optimizer__learning_rate=1e15,
        optimizer__clip_norm=1e20,
        optimizer__warmup_fraction=0.9,
    )
    with pytest.raises(Diverged, match=r"step \d+: .*(loss|grad)_.* not finite"):
        train(config, tmp_path)
    step, names = runs.load(tmp_path).diverged
    assert step > 0 and names, "the log tells reports where it ended"


def test_generate_reads_the_run(run, tmp_path):
    folder = tmp_path / "new"
    assert generate.main(["--workdir", str(run), "--num", "3", "--out", str(folder)]) == 0
    assert (folder / "captions.csv").read_text().count("\n") == 4
    assert len(list(folder.glob("0*.png"))) == 3
    generate.main(["--workdir", str(run), "--image", str(folder / "000000.png")])


def test_no_samples_are_made_where_none_are_asked_for(sprites_run):
    assert configs.of_run(sprites_run).eval.samples_every_epochs == 0
    assert not list(sprites_run.glob("samples/*"))
    logged = set().union(*read_rows(sprites_run / "metrics.jsonl"))
    assert "val/loss_total" in logged and "val/coherence_joint" not in logged


def test_evaluation_agrees_with_training(run, tmp_path):
    out = tmp_path / "evaluation.json"
    flags = ["--metrics", "losses", "--checkpoint", "latest", "--split", "val"]
    evaluate.main(["--workdir", str(run), "--out", str(out), *flags])
    rows = [row for row in read_rows(run / "metrics.jsonl") if "val/loss_total" in row]
    found = json.loads(out.read_text())["model"]
    # The learned prior alone changes after the last epoch, and with it the total.
    for name in ("loss_image", "loss_caption", "loss_kl", "loss_alignment"):
        assert found[name]["value"] == rows[-1][f"val/{name}"]
    assert found["loss_prior"]["value"] != rows[-1]["val/loss_prior"]


def test_a_session_needs_a_run(tmp_path):
    with pytest.raises(UserError, match="not a run directory"):
        Session.load(tmp_path)


def test_two_processes_train_as_one(sprites_dataset, run, tmp_path):
    """2 processes x 2 devices end where 1 process x 4 devices does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # What only looks on is left out: each process would compile it.
    quiet = {"eval__samples_every_epochs": 0}
    text = configs.to_json(config_for(sprites_dataset, **quiet))
    config_file = tmp_path / "config.py"
    config_file.write_text(
        f"from mmvae import config\n\n\ndef get_config():\n    return config.from_json({text!r})\n"
    )
    command = [sys.executable, "-m", "mmvae.main", "--config", str(config_file)]
    command += ["--workdir", str(tmp_path / "run")]
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ
            | {
                "XLA_FLAGS": os.environ["XLA_FLAGS"].replace("count=4", "count=2"),
                "JAX_COORDINATOR_ADDRESS": address,
                "JAX_NUM_PROCESSES": "2",
                "JAX_PROCESS_ID": str(index),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=1200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4),
        params_of(tmp_path / "run"),
        params_of(run),
    )
