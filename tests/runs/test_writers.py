"""Writers keep what they are given, survive failures and resumption."""

import csv
import io
import json
import math
import pathlib
import re
import resource
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from mmvae.errors import UserError
from mmvae.runs.writers import (
    ConsoleWriter,
    FileWriter,
    JsonlWriter,
    Writer,
    Writers,
    read_rows,
    start_wandb,
)
from support.wandb_files import history, items, run_file, scan

# --- the fan-out


class Recorder(Writer):
    """Keeps the calls it gets; raises while `broken`."""

    def __init__(self, keep_on_failure=False, broken=False):
        self.keep_on_failure = keep_on_failure
        self.broken = broken
        self.steps = []

    def scalars(self, step, values):
        if self.broken:
            raise ConnectionError("two\nlines")
        self.steps.append(step)


def test_everything_reaches_every_writer():
    calls = []

    class Spy(Writer):
        def __getattribute__(self, name):
            if name.startswith("_") or name == "keep_on_failure":
                return super().__getattribute__(name)
            return lambda *args: calls.append((name, args))

    writers = Writers([Spy(), Spy()])
    writers.scalars(1, {"a": 1.0})
    writers.histograms(1, {})
    writers.images(1, {})
    writers.table(1, "t", [], [])
    writers.summary({})
    writers.close()
    names = ["scalars", "histograms", "images", "table", "summary", "close"]
    assert [name for name, _ in calls] == [name for name in names for _ in range(2)]
    assert calls[0][1] == (1, {"a": 1.0})


def test_a_broken_service_is_reported_once_and_switched_off():
    lines, service, healthy = [], Recorder(broken=True), Recorder()
    writers = Writers([service, healthy], report=lines.append)
    for step in range(3):
        writers.scalars(step, {})
        service.broken = False
    assert healthy.steps == [0, 1, 2]
    assert service.steps == []
    assert lines == [
        "Recorder failed (ConnectionError: two lines); switched off, training goes on."
    ]


def test_a_writer_that_is_kept_is_tried_again_and_reported_once_per_failure():
    lines, disk = [], Recorder(keep_on_failure=True)
    writers = Writers([disk], report=lines.append)
    for step, broken in enumerate([True, True, False, True]):
        disk.broken = broken
        writers.scalars(step, {})
    assert disk.steps == [2]
    assert len(lines) == 2
    assert "trying again" in lines[0]


# --- metrics.jsonl and metrics.csv


def strict_rows(path):
    """Rows as a reader sees them that accepts only standard JSON."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_rows_are_on_disk_at_once_and_read_back(tmp_path):
    writer = JsonlWriter(tmp_path, now=lambda: 5.0)
    writer.scalars(3, {"epoch": 1, "train/loss_total": np.float32(0.5)})
    expected = [{"step": 3, "time": 5.0, "epoch": 1, "train/loss_total": 0.5}]
    assert strict_rows(writer.path) == read_rows(writer.path) == expected


def test_non_finite_numbers_are_valid_json_and_come_back_as_floats(tmp_path):
    writer = JsonlWriter(tmp_path)
    writer.scalars(1, {"a": math.nan, "b": math.inf, "c": np.float32(-math.inf)})
    (row,) = strict_rows(writer.path)
    assert (row["a"], row["b"], row["c"]) == ("NaN", "Infinity", "-Infinity")
    (row,) = read_rows(writer.path)
    assert math.isnan(row["a"])
    assert (row["b"], row["c"]) == (math.inf, -math.inf)


def log(writer, steps):
    for step in steps:
        writer.scalars(step, {"train/loss_total": 1 / (step + 1)})


def test_an_interrupted_run_leaves_the_file_of_an_uninterrupted_one(tmp_path):
    whole = JsonlWriter(tmp_path / "whole", now=lambda: 0.0)
    log(whole, range(6))
    first = JsonlWriter(tmp_path / "cut", now=lambda: 0.0)
    log(first, range(5))
    with first.path.open("a") as file:
        file.write('{"step": 5, "ti')
    assert [row["step"] for row in read_rows(first.path)] == [0, 1, 2, 3, 4]
    log(JsonlWriter(tmp_path / "cut", resume_step=2, now=lambda: 0.0), range(3, 6))
    assert first.path.read_bytes() == whole.path.read_bytes()


def test_a_new_run_starts_an_empty_file(tmp_path):
    log(JsonlWriter(tmp_path), range(3))
    assert read_rows(JsonlWriter(tmp_path).path) == []


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\nrubbish\n{"step": 2}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl line 2 is damaged .*; remove that line"):
        read_rows(path)
    for row in ("[1]", "7", '{"loss": 1}', '{"step": "1"}'):
        path.write_text(f'{row}\n{{"step": 2}}\n')
        with pytest.raises(UserError, match="line 1 is damaged .no row with a step"):
            JsonlWriter(tmp_path, resume_step=1)


def test_a_full_disk_loses_no_row(tmp_path):
    lines = []
    jsonl = JsonlWriter(tmp_path, now=lambda: 0.0)
    writers = Writers([jsonl], report=lines.append)
    log(writers, range(2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (jsonl.path.stat().st_size + 10, before[1]))
    try:
        log(writers, range(2, 4))  # the first 10 bytes of a row fit: it is half written
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(lines) == 1
    log(writers, range(4, 5))
    assert [row["step"] for row in strict_rows(jsonl.path)] == [0, 1, 2, 3, 4]


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_one_row_per_step_and_every_column(tmp_path):
    writer = JsonlWriter(tmp_path, now=lambda: 7.0)
    writer.scalars(1, {"epoch": 0, "train/loss_total": 2.0})
    writer.scalars(2, {"train/loss_total": math.nan})
    assert not (tmp_path / "metrics.csv").exists()
    writer.scalars(2, {"val/loss_total": 3.0})
    first, second = read_csv(tmp_path / "metrics.csv")
    assert list(first) == ["step", "epoch", "time", "train/loss_total", "val/loss_total"]
    assert (first["train/loss_total"], first["val/loss_total"]) == ("2.0", "")
    assert (second["train/loss_total"], second["val/loss_total"]) == ("NaN", "3.0")
    writer.scalars(3, {"train/loss_total": 1.0})
    writer.close()
    assert len(read_csv(tmp_path / "metrics.csv")) == 3


# --- samples/


def grid(channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (8, 12, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_saved_without_loss(tmp_path, channels):
    pixels = grid(channels)
    FileWriter(tmp_path).images(40, {"val/reconstructions": pixels})
    saved = np.asarray(Image.open(tmp_path / "samples/val_reconstructions_0000040.png"))
    np.testing.assert_array_equal(saved.reshape(pixels.shape), pixels)


def test_a_table_is_saved_without_its_pictures(tmp_path):
    rows = [["a ship, at anchor", grid(1), 0.5], ['"été"', grid(1), 0.25]]
    FileWriter(tmp_path).table(2, "captions", ["text", "image", "score"], rows)
    with (tmp_path / "samples/captions_0000002.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [["text", "score"], ["a ship, at anchor", "0.5"], ['"été"', "0.25"]]


# --- the terminal


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_file_gets_a_progress_line_only_every_few_seconds():
    seconds = iter([0.0, *range(200)])
    stream = io.StringIO()
    console = ConsoleWriter(stream, every_seconds=30, now=lambda: next(seconds))
    for step in range(1, 51):
        console.progress(step, 100, {"loss": 1.23456}, images_per_second=1234, eta_seconds=3725)
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 5
    end = re.fullmatch(r"end +expected \w{3} (\d\d):(\d\d), evaluations not counted", lines[0])
    expected = datetime.now() + timedelta(seconds=3725)
    told = expected.replace(hour=int(end[1]), minute=int(end[2]))
    assert abs(told - expected) < timedelta(minutes=2) or abs(told - expected) > timedelta(hours=23)
    assert lines[1] == "  1%  step 1/100  ETA 1:02:05  1,234 img/s  loss 1.235"
    assert "\x1b" not in stream.getvalue()


def test_the_last_step_is_always_shown():
    stream = io.StringIO()
    console = ConsoleWriter(stream, now=lambda: 0.0)
    for step in range(1, 11):
        console.progress(step, 10, {})
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["10%", "100%"]


def test_a_terminal_line_is_replaced_and_never_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    console = ConsoleWriter(stream)
    for step in (1, 2):
        console.progress(step, 2, {f"a long name {i}": 0.1 for i in range(9)})
    console.close()
    shown = stream.getvalue().split("\r\x1b[K")
    assert "\n" not in stream.getvalue()
    assert [len(line) for line in shown] == [0, 59, 59, 0]


def test_a_closed_terminal_does_not_stop_the_training():
    class Closed(Terminal):
        def write(self, text):
            raise BrokenPipeError

    console = ConsoleWriter(Closed())
    console.progress(1, 2, {})
    console.epoch_row({"epoch": 1}, is_best=False)
    console.close()


def test_the_table_repeats_its_header_and_stars_the_best():
    stream = io.StringIO()
    console = ConsoleWriter(stream)
    for epoch in range(21):
        values = {"epoch": epoch, "step": 10 * epoch, "val/loss_total": math.nan}
        console.epoch_row(values, is_best=epoch == 3)
    lines = stream.getvalue().splitlines()
    assert [i for i, line in enumerate(lines) if "img/s" in line] == [0, 21]
    assert [line for line in lines if line.endswith("*")] == [lines[4]]
    assert {len(line.removesuffix("*")) for line in lines} == {79}
    assert lines[1].split()[:5] == ["0", "0", "-", "nan", "-"]


def test_a_row_shows_every_column():
    names = ["train/loss_total", "val/loss_total", "val/image_mse", "val/caption_accuracy"]
    names += ["val/caption_perplexity", "val/latent_kl", "val/caption_z_gap"]
    values = dict.fromkeys([*names, "system/images_per_second"], 0.12345)
    stream = io.StringIO()
    ConsoleWriter(stream, now=lambda: 0.0).epoch_row({"epoch": 1, "step": 1000} | values, False)
    shown = stream.getvalue().splitlines()[1].split()
    expected = "1 1,000 0.1235 0.1235 0.1235 12.3% 0.1235 0.1235 +0.123 0 0:00"
    assert shown == expected.split()


# --- Weights & Biases


@pytest.fixture
def wandb_offline(monkeypatch, tmp_path):
    """No account and no settings of the person who runs the tests."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_DATA_DIR", "set, so that what the writer sets is undone")
    monkeypatch.delenv("WANDB_DATA_DIR")
    monkeypatch.setenv("NETRC", str(tmp_path / "no_netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))


def open_run(workdir, mode="auto", resume_step=None, config=None):
    lines = []
    workdir.mkdir(exist_ok=True)
    writer = start_wandb(
        workdir, "mmvae-tests", "a run", mode, config or {}, resume_step, lines.append
    )
    return writer, lines


def staged(records):
    """Files of the tables: {name: path}."""
    entries = [
        entry
        for record in records
        if record.WhichOneof("record_type") == "artifact"
        for entry in record.artifact.manifest.contents
    ]
    return {entry.path: pathlib.Path(entry.local_path) for entry in entries}


SCALARS = {
    **{f"train/{name}": 0.5 for name in ("loss_total", "grad_norm", "learning_rate")},
    **{f"val/{name}": 0.25 for name in ("loss_total", "caption_z_gap", "latent_active_units")},
    **{f"system/{name}": 2.0 for name in ("images_per_second", "data_wait_percent")},
}


def test_an_offline_run_holds_everything_it_was_given(wandb_offline, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--api_key=hunter2"])
    writer, lines = open_run(tmp_path / "run", config={"train": {"batch_size": 32}})
    writer.scalars(1, SCALARS)
    writer.histograms(1, {"val/latents": np.array([0.0, 1.0, np.nan, 1.0]), "val/none": np.ones(0)})
    writer.images(1, {"val/reconstructions": grid(1), "val/samples": grid(3)})
    rows = [["a ship", grid(1), 0.5], ["été", grid(1, seed=1), 0.25]]
    writer.table(1, "val/captions", ["text", "image", "score"], rows)
    writer.scalars(0, {"train/loss_total": 4.0})
    writer.summary({"best/loss_total": 0.25})
    writer.close()

    path = run_file(tmp_path / "run")
    assert f"offline run in {path.parent}; upload it with: wandb sync {path.parent}" in lines[0]
    records = list(scan(path))
    scalars, histograms, pictures, table, earlier = history(records)
    assert scalars == {"step": 1, **SCALARS}
    assert histograms["val/latents"]["_type"] == "histogram"
    assert sum(histograms["val/latents"]["values"]) == 3
    assert "val/none" not in histograms
    for name in ("val/reconstructions", "val/samples"):
        assert (path.parent / "files" / pictures[name]["path"]).exists()
    assert table["val/captions"]["_type"] == "table-file"
    files = staged(records)
    stored = json.loads(files["val/captions.table.json"].read_text())
    assert [(row[0], row[2]) for row in stored["data"]] == [("a ship", 0.5), ("été", 0.25)]
    for row, given in zip(stored["data"], rows, strict=True):
        picture = files[row[1]["path"]]
        np.testing.assert_array_equal(np.asarray(Image.open(picture)), given[1][..., 0])
        assert picture.is_relative_to(tmp_path / "run")
    assert earlier == {"step": 0, "train/loss_total": 4.0}  # a resumed run goes back

    axes = [r.metric for r in records if r.WhichOneof("record_type") == "metric"]
    assert ("*", "step") in [(m.glob_name, m.step_metric) for m in axes]
    summary = [items(r.summary.update) for r in records if r.WhichOneof("record_type") == "summary"]
    assert {"best/loss_total": 0.25} in summary
    leaked = [p for p in path.parent.rglob("*") if p.is_file() and b"hunter2" in p.read_bytes()]
    assert leaked == []


def test_a_resumed_run_keeps_its_id_and_a_new_one_does_not(wandb_offline, tmp_path, monkeypatch):
    ids = []
    monkeypatch.setattr("wandb.init", lambda **given: ids.append(given["id"]) or 1 / 0)
    for resume_step in (None, 100, None):
        open_run(tmp_path / "run", resume_step=resume_step)
    assert ids[0] == ids[1] != ids[2]


def test_a_failing_start_is_one_line_and_training_goes_on(wandb_offline, tmp_path, monkeypatch):
    def fail(**given):
        raise TimeoutError("no answer\nafter 60 s")

    monkeypatch.setattr("wandb.init", fail)
    writer, lines = open_run(tmp_path / "run")
    writer.scalars(1, {"train/loss_total": 1.0})
    assert lines == [
        "W&B did not start (TimeoutError: no answer after 60 s); training goes on without it."
    ]


@pytest.mark.parametrize(
    ("mode", "variable", "logged_in", "expected"),
    [
        ("auto", None, True, "online"),
        ("auto", None, False, "offline"),
        ("auto", None, ConnectionError, "offline"),
        ("auto", "offline", True, "offline"),
        ("online", "offline", True, "online"),
        ("online", None, False, "offline"),
        ("offline", "online", True, "offline"),
    ],
)
def test_the_mode_is_decided_without_a_question(
    wandb_offline, tmp_path, monkeypatch, mode, variable, logged_in, expected
):
    def login(prompt):
        assert prompt is False
        if logged_in is ConnectionError:
            raise ConnectionError
        return logged_in

    modes = []
    monkeypatch.setattr("wandb.login", login)
    monkeypatch.setattr("wandb.init", lambda **given: modes.append(given["mode"]) or 1 / 0)
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    open_run(tmp_path / "run", mode)
    assert modes == [expected]


def test_an_unknown_mode_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="auto, online, offline, disabled"):
        open_run(tmp_path / "run", "onlin")


def test_disabled_never_imports_wandb(tmp_path):
    code = f"""
import sys
from mmvae.runs.writers import start_wandb
start_wandb({str(tmp_path)!r}, "p", "n", "disabled", {{}}, None, print).scalars(1, {{"a": 1.0}})
sys.exit(bool({{"wandb", "jax", "tensorflow"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []
