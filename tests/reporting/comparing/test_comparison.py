"""What differs between real short runs, and what can be compared."""

from mmvae.reporting import runs
from mmvae.reporting.comparing.comparison import compare, short
from support.run_files import variants


def test_only_what_differs_is_compared(driven):
    compared = compare([runs.load(driven / name) for name in ("healthy", "high", "low")])
    assert compared.fields == ["optimizer.learning_rate"] and not compared.seeds
    assert compared.settings[0] == "learning_rate=0.002"
    assert list(compared.table["run"]) == ["healthy", "high", "low"]
    assert compared.table["loss_total"].idxmin() == 0, "the good rate has the least loss"


def test_seeds_are_no_setting(driven, tmp_path):
    folders = variants(driven, tmp_path, {"a": {"seed": 0}, "b": {"seed": 1, "name": "b"}})
    compared = compare([runs.load(folder) for folder in folders])
    assert compared.fields == [] and compared.seeds and len(compared.settings) == 1


def test_totals_of_other_weights_are_not_compared(driven, tmp_path):
    folders = variants(driven, tmp_path, {"a": {}, "b": {"loss.weights.image": 20.0}})
    compared = compare([runs.load(folder) for folder in folders])
    assert "loss_total" not in [target.metric for target in compared.targets]
    assert "means another thing" in compared.notes[0]


def test_names_are_shortened_while_they_are_clear():
    fields = ["loss.weights.image", "loss.cross.image", "train.batch_size"]
    assert [short(f, fields) for f in fields] == ["weights.image", "cross.image", "batch_size"]
