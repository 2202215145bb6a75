"""The report command: pages, tables, the live view, and bad input."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest

from mmvae import command_line, report
from mmvae.reporting import page, panels, runs
from support.places import ROOT
from support.run_files import copy


def run(*arguments):
    """(exit code, standard error) of the command."""
    return command_line.run(report.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def html(driven, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.html"
    assert run(driven / "healthy", "--out", out) == 0
    return out.read_text()


def test_the_page_needs_no_network(html):
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:|//)""", html)
    assert "<script" not in html


def test_the_page_has_every_part(html):
    for heading in ("Answers", "Timeline", "Curves", "Data card", "Parameters", "Reproduce"):
        assert heading in html
    for question in ("learning rate", "component", "overfitting", "accelerator", "vocabulary"):
        assert question in html
    assert "prefers-color-scheme: dark" in html and 'name="viewport"' in html
    assert "python -m mmvae.main \\\n  --config configs/base.py" in html


def test_every_logged_metric_has_a_chart(driven, html):
    logged = runs.load(driven / "healthy")
    names = {*logged.names("train"), *logged.names("val"), *logged.names("system")}
    shown = {panel.title for group in panels.groups(logged) for panel in group.panels}
    assert shown == names
    assert html.count("<svg") == len(names)
    assert "#010203" not in html, "charts take the page's colour"


def test_markdown_brings_its_pictures(driven, tmp_path):
    out = tmp_path / "report.md"
    assert run(driven / "few", "--out", out) == 0
    text = out.read_text()
    links = re.findall(r"\]\(([^)]+\.png)\)", text)
    assert len(links) > 20 and all((tmp_path / link).stat().st_size for link in links)
    assert "| figure | value | threshold |" in text


@pytest.mark.parametrize("layout", ["long", "wide"])
def test_csv_holds_every_number(driven, tmp_path, layout):
    out = tmp_path / "metrics.csv"
    assert run(driven / "healthy", driven / "low", "--csv", out, "--layout", layout) == 0
    table = pd.read_csv(out)
    assert set(table["run"]) == {"healthy", "low"}
    loss = runs.load(driven / "low").series("val/loss_total")
    if layout == "wide":
        found = table[table["run"] == "low"].set_index("step")["val/loss_total"].dropna()
    else:
        rows = table[(table["run"] == "low") & (table["metric"] == "val/loss_total")]
        found = rows.set_index("step")["value"]
    assert found.to_dict() == pytest.approx(loss.to_dict())


def test_the_terminal_shows_verdicts(driven, capsys):
    assert run(driven / "collapsed") == 0
    out = capsys.readouterr().out
    assert "Is the latent used?" in out and "wrong" in out


def test_off_a_terminal_the_view_is_shown_once(driven, capsys):
    assert run(driven / "healthy", "--watch") == 0
    assert capsys.readouterr().out.count("train/loss_total") == 1


def test_a_half_written_last_line_is_left_out(driven, tmp_path):
    copy(driven / "healthy", tmp_path)
    path = tmp_path / "metrics.jsonl"
    before = len(runs.load(tmp_path).rows)
    path.write_bytes(path.read_bytes()[:-20])
    assert len(runs.load(tmp_path).rows) == before - 1
    assert run(tmp_path, "--out", tmp_path / "report.html") == 0


def test_rows_of_other_versions_are_read_as_far_as_they_go(driven, tmp_path):
    copy(driven / "healthy", tmp_path, without=("card.json", "facts.json"))
    path = tmp_path / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = ("step", "epoch", "train/loss_total", "val/loss_total")
    rows = [{name: row[name] for name in kept if name in row} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"step": 999, "new": 1}]))
    config = json.loads((tmp_path / "config.json").read_text())
    del config["loss"], config["model"]
    config["from_later"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    out = tmp_path / "report.html"
    assert run(tmp_path, "--out", out) == 0
    assert "made by another version" in out.read_text() and "from_later" in out.read_text()


@pytest.mark.parametrize(
    "files, words",
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "no metrics yet"),
        ({"config.json": "{}", "metrics.jsonl": ""}, "no metrics yet"),
        ({"config.json": "{}", "metrics.jsonl": '{"st'}, "no metrics yet"),
        ({"config.json": "{", "metrics.jsonl": '{"step": 1}\n'}, "config.json is damaged"),
        ({"config.json": "{}", "metrics.jsonl": "x\n{}\n"}, "line 1 is damaged"),
        ({"config.json": "{}", "metrics.jsonl": '{"loss": 1}\n'}, "another program"),
    ],
)
def test_what_is_no_run_is_told_in_one_sentence(tmp_path, capsys, files, words):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert run(tmp_path, "--out", tmp_path / "report.html") == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nowhere"], "nowhere does not exist"),
        (["RUN", "--out", "report.pdf"], ".html or .md"),
        (["RUN", "--out", "nowhere/report.html"], "nowhere does not exist"),
        (["RUN", "--csv", "x.csv", "--layout", "broad"], "long or wide"),
        (["RUN", "RUN"], "--out comparison.html"),
        (["RUN", "--watch", "--every", "0"], "above 0"),
        (["RUN", "--watch", "--every", "nan"], "above 0"),
        (["RUN", "--watch", "--csv", "x.csv"], "--watch shows one run"),
        (["RUN", "--outt", "x.html"], "did you mean --out?"),
    ],
)
def test_wrong_flags_are_told_in_one_sentence(driven, capsys, arguments, words):
    given = [str(driven / "healthy") if word == "RUN" else word for word in arguments]
    assert run(*given) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_reports_load_neither_jax_nor_tensorflow(driven, tmp_path):
    program = (
        "import sys\nfrom mmvae import report\n"
        f"report.main([{str(driven / 'healthy')!r}, '--out', {str(tmp_path / 'r.html')!r}])\n"
        "heavy = ('jax', 'tensorflow', 'flax', 'wandb', 'sklearn', 'optuna')\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_same_run_gives_the_same_page(driven, tmp_path, html):
    page.write(runs.load(driven / "healthy"), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == html
