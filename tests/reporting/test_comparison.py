"""Several runs beside each other: what differs, effects with their uncertainty, the page."""

import json

import numpy as np
import pandas as pd
import pytest

from mmvae import command_line, report
from mmvae.reporting import comparison, importance, parallel_coordinates, runs, settings
from mmvae.reporting.settings import TARGETS, Comparison, short
from support.run_files import copy

LOSS = TARGETS[0]


def made(table, fields):
    """A Comparison of invented results, for the arithmetic."""
    table = pd.DataFrame(table)
    label = table[fields].astype(str).agg(",".join, axis=1)
    table["setting"] = label
    return Comparison([None] * len(table), fields, True, table, [LOSS], [])


def noisy(effect, seeds=3, noise=0.1, levels=(1, 2, 3)):
    random = np.random.default_rng(1)
    rows = [
        {"a": a, "loss_total": effect * a + noise * random.normal()}
        for a in levels
        for _ in range(seeds)
    ]
    return made(rows, ["a"])


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


def test_only_what_differs_is_compared(driven):
    found = settings.compare([runs.load(driven / name) for name in ("healthy", "high", "low")])
    assert found.fields == ["optimizer.learning_rate"] and not found.seeds
    assert found.settings[0] == "learning_rate=0.002"
    assert list(found.table["run"]) == ["healthy", "high", "low"]
    assert found.table["loss_total"].idxmin() == 0, "the good rate has the least loss"


def test_seeds_are_no_setting(driven, tmp_path):
    folders = variants(driven, tmp_path, {"a": {"seed": 0}, "b": {"seed": 1, "name": "b"}})
    found = settings.compare([runs.load(folder) for folder in folders])
    assert found.fields == [] and found.seeds and len(found.settings) == 1


def test_totals_of_other_weights_are_not_compared(driven, tmp_path):
    folders = variants(driven, tmp_path, {"a": {}, "b": {"loss.weights.image": 20.0}})
    found = settings.compare([runs.load(folder) for folder in folders])
    assert "loss_total" not in [target.metric for target in found.targets]
    assert "means another thing" in found.notes[0]


def test_names_are_shortened_while_they_are_clear():
    fields = ["loss.weights.image", "loss.cross.image", "train.batch_size"]
    assert [short(f, fields) for f in fields] == ["weights.image", "cross.image", "batch_size"]


def test_an_effect_beyond_the_seeds_matters():
    effect = importance.effects(noisy(1.0))[0]
    assert effect.verdict == importance.MATTERS and effect.best == 1
    assert effect.spread == pytest.approx(2.0, abs=0.3) and 0 < effect.needed < 1


def test_an_effect_within_the_seeds_does_not():
    assert importance.effects(noisy(0.0))[0].verdict == importance.NOISE


def test_chance_is_called_an_effect_in_one_of_twenty():
    random, found = np.random.default_rng(0), 0
    for _ in range(300):
        rows = [{"a": a, "loss_total": random.normal()} for a in (1, 2, 3) for _ in range(2)]
        found += importance.effects(made(rows, ["a"]))[0].verdict == importance.MATTERS
    assert 4 <= found <= 28, "15 expected"


def test_without_repeated_seeds_nothing_is_claimed():
    compared = noisy(1.0, seeds=1)
    effects = importance.effects(compared)
    assert effects[0].verdict == importance.TOO_FEW
    assert any("another seed" in line for line in importance.conclusions(compared, effects))


def test_seed_noise_is_the_pooled_deviation():
    table = pd.DataFrame({"setting": ["a", "a", "b", "b"], "x": [1.0, 3.0, 10.0, 10.0]})
    assert importance.seed_noise(table, "x") == (pytest.approx(1.0), 2)


def test_rank_correlation_comes_with_an_interval():
    found = importance.correlations(noisy(1.0, levels=(1, 2, 3, 4)))[0]
    assert found.low > 0.8 and found.low <= found.value <= found.high
    assert importance.correlations(noisy(1.0, seeds=1)) == [], "3 runs are too few"


def test_a_forest_finds_the_field_that_matters():
    random = np.random.default_rng(0)
    rows = [{"a": random.uniform(), "b": random.uniform()} for _ in range(40)]
    for row in rows:
        row["loss_total"] = 3 * row["a"] + 0.1 * random.normal()
    r2, found = importance.forest(made(rows, ["a", "b"]), LOSS)
    assert r2 > 0.5 and found[0].field == "a" and found[0].mean > 5 * abs(found[1].mean)
    assert importance.forest(made(rows[:10], ["a", "b"]), LOSS) is None


def test_parallel_coordinates_place_words_and_numbers():
    rows = [
        {"a": 1, "b": "x", "loss_total": 0.5},
        {"a": 10, "b": "y", "loss_total": 0.1},
        {"a": 100, "b": "x", "loss_total": 0.9},
    ]
    drawn = parallel_coordinates.svg(made(rows, ["a", "b"]))
    assert drawn.startswith("<svg") and ">100<" in drawn and ">y<" in drawn


@pytest.mark.parametrize("ending", ["html", "md"])
def test_the_command_compares_runs(driven, tmp_path, ending):
    out = tmp_path / f"comparison.{ending}"
    names = [str(driven / name) for name in ("healthy", "high", "low", "collapsed")]
    assert command_line.run(report.main, [*names, "--out", str(out)]) == 0
    text = out.read_text()
    for words in ("learning_rate", "What mattered", "Too few runs", "Settings, best first"):
        assert words in text
    assert ending == "md" or "<svg" in text


def test_runs_without_metrics_are_left_out_and_named(driven, tmp_path, capsys):
    copy(driven / "healthy", tmp_path, without=("metrics.jsonl",))
    names = [str(driven / "healthy"), str(driven / "low"), str(tmp_path)]
    assert command_line.run(report.main, [*names, "--csv", str(tmp_path / "x.csv")]) == 0
    assert f"left out: {tmp_path} has no metrics yet" in capsys.readouterr().err


def test_seeds_share_a_colour(driven, tmp_path):
    changes = {"a": {"seed": 0}, "b": {"seed": 1}, "c": {"train.batch_size": 8}}
    compared = settings.compare(
        [runs.load(folder) for folder in variants(driven, tmp_path, changes)]
    )
    lines = comparison.content(compared)["panels"][0].lines
    assert lines[0].colour == lines[1].colour != lines[2].colour
