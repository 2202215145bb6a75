"""The charts of a run, in groups that follow its modalities."""

import json

import pytest

from mmvae.reporting import panels
from mmvae.reporting.runs import load


@pytest.fixture
def run(tmp_path):
    """A run with a label beside picture and caption, and a metric that nobody knows."""
    modalities = {name: {"kind": name} for name in ("caption", "image", "label")}
    config = {"model": {"modalities": modalities}, "train": {"epochs": 2}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    names = (
        "loss_total",
        "loss_label",
        "label_accuracy",
        "caption_entropy",
        "image_mse",
        "image_mse_from_label",
    )
    train = {f"train/{name}": 1.0 for name in (*names, "grad_norm", "temperature")}
    rows = [{"step": s, "epoch": s / 10, **train} for s in range(1, 21)]
    rows[9]["val/image_mse"] = rows[19]["val/image_mse"] = 0.5
    rows[19]["system/cpu_percent"] = 50.0
    lines = [json.dumps(row) + "\n" for row in rows]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    return load(tmp_path)


def test_every_modality_has_a_group_and_what_is_left_another(run):
    shown = {group.title: [panel.title for panel in group.panels] for group in panels.groups(run)}
    assert shown == {
        "Losses": ["loss_total", "loss_label"],
        "Image": ["image_mse", "image_mse_from_label"],
        "Caption": ["caption_entropy"],
        "Label": ["label_accuracy"],
        "Gradients": ["grad_norm"],
        "Other": ["temperature"],
        "System": ["cpu_percent"],
    }


def test_a_page_opens_with_what_tells_most(run):
    opened = [group.title for group in panels.groups(run) if group.open]
    assert opened == ["Losses", "Image", "Caption", "Label", "Gradients"]


def test_a_chart_has_rows_means_of_epochs_and_validation(run):
    chart = panels.panel(run, "image_mse")
    assert [line.label for line in chart.lines] == [
        "train, each row",
        "train, mean of an epoch",
        "val",
    ]
    assert chart.lines[0].faint and chart.steps_per_epoch == 10
    alone = panels.panel(run, "grad_norm")
    assert [line.faint for line in alone.lines] == [False], "nothing bolder stands before it"
