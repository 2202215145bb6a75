"""Trivial baselines of runs that tell less than today's."""

import json

from mmvae.reporting import runs
from mmvae.reporting.baselines import baselines
from support.run_files import copy


def test_baselines_fall_back_on_the_data_card(driven, tmp_path):
    copy(driven / "healthy", tmp_path, without=("facts.json",))
    known = baselines(runs.load(tmp_path))
    assert known["image_mse"].source == "one colour for every picture"
    assert known["image_mse"].value > baselines(runs.load(driven / "healthy"))["image_mse"].value


def test_baselines_with_intervals_are_read(driven, tmp_path):
    copy(driven / "healthy", tmp_path, without=("facts.json",))
    found = {"mean image": {"image_mse": {"value": 0.5, "low": 0.4, "high": 0.6}}}
    (tmp_path / "evaluation.json").write_text(json.dumps({"baselines": found}))
    assert baselines(runs.load(tmp_path))["image_mse"].value == 0.5
