"""Carrying a plan out."""

import pytest

from mmvae.sweeps import plan
from mmvae.sweeps.space import Range, Space
from mmvae.sweeps.sweep_file import TPE
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
