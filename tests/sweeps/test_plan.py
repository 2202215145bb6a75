"""Carrying a plan out."""

import json
from types import SimpleNamespace

import pytest

from mmvae.errors import UserError
from mmvae.sweeps import plan
from mmvae.sweeps.space import Range, Space
from mmvae.sweeps.sweep_file import RANDOM, TPE
from support.quick_trials import runner, starts


def test_tpe_runs_through_the_plan(tmp_path):
    pytest.importorskip("optuna")
    tpe = plan.Plan(
        Space({}, {"x": Range(-1.0, 1.0)}, {}), TPE, 4, [0], plan._target("val/loss_total")
    )
    first = plan.carry_out(tpe, tmp_path, runner())
    again = plan.carry_out(tpe, tmp_path, runner())
    assert [trial.setting for trial in first] == [trial.setting for trial in again]
    assert [starts(trial) for trial in first] == [1, 1, 1, 1]


def options(**given):
    """Parsed flags of the command."""
    flags = {"grid": [], "range": [], "parallel": 1, "config": SimpleNamespace(seed=5)}
    flags |= dict.fromkeys(("file", "random", "tpe", "metric", "seeds"))
    return SimpleNamespace(**(flags | given))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "method: random\nrun_cap: 3\nmetric: {name: val/image_mse}\n"
        "parameters: {a: {values: [1, 2]}, b: {min: 0.0, max: 1.0}, seed: {values: [8, 9]}}\n"
    )
    return str(path)


def test_a_file_says_what_flags_do_not(file):
    wanted = plan.make(options(file=file))
    assert (wanted.method, wanted.count, wanted.seeds) == (RANDOM, 3, [8, 9])
    assert wanted.metric.metric == "image_mse" and len(wanted.settings()) == 3


def test_flags_go_before_the_file(file):
    flags = options(
        file=file,
        grid=["a=7,8", "c=x,y", "seed=1"],
        tpe=4,
        metric="val/loss_total",
    )
    wanted = plan.make(flags)
    assert wanted.space.choices == {"a": [7, 8], "c": ["x", "y"]} and "b" in wanted.space.ranges
    assert (wanted.method, wanted.count, wanted.seeds) == (TPE, 4, [1])
    assert wanted.metric.metric == "loss_total"
    assert plan.make(options(file=file, seeds="4,5")).seeds == [4, 5]


def test_the_configuration_says_the_seed_where_nothing_else_does():
    assert plan.make(options(grid=["a=1,2"])).seeds == [5]


def test_examples_hold_every_value_and_both_ends(file):
    examples = plan.make(options(file=file, grid=["c=x,y"])).examples
    assert examples == [{"a": 1}, {"a": 2}, {"c": "x"}, {"c": "y"}, {"b": 0.0}, {"b": 1.0}]


def test_a_sweep_is_the_same_when_it_is_made_longer(file):
    shorter, longer = (plan.make(options(file=file, random=n)) for n in (2, 4))
    assert plan.described(shorter) == plan.described(longer)
    assert longer.settings()[:2] == shorter.settings()
    assert json.loads(json.dumps(plan.described(longer)))["ranges"] == {"b": [0, 1, False, False]}


def test_commands_of_what_depends_on_results_cannot_be_told(tmp_path):
    with pytest.raises(UserError, match="--random N instead"):
        plan.commands(plan.make(options(grid=["a=1,2"], tpe=3)), tmp_path, "x.py", {})
    (line, _) = plan.commands(plan.make(options(grid=["a=1,2"])), tmp_path, "x.py", {"z": 1})
    assert f"WANDB_RUN_GROUP={tmp_path.name}" in line and "--config.z=1 --config.a=1" in line
