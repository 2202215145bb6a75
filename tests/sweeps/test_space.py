"""What sweeps vary."""

from mmvae.sweeps import space
from mmvae.sweeps.space import Range, Space


def test_a_grid_is_every_combination():
    settings = space.grid(Space({"a": [1, 2], "b": ["x", "y"]}, {}, {}))
    assert settings == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]


def test_cases_change_together():
    cases = {"p": {"a": 1, "b": 2}, "q": {"a": 3, "b": 4}}
    settings = space.grid(Space({"c": [0, 1]}, {}, cases))
    assert len(settings) == 4 and {"a": 3, "b": 4, "c": 1} in settings


def test_random_settings_are_the_same_every_time_and_stay_in_range():
    varied = Space(
        {"a": [1, 2]}, {"rate": Range(1e-4, 1e-2, log=True), "n": Range(2, 9, whole=True)}, {}
    )
    settings = [space.sample(varied, index) for index in range(200)]
    assert settings[:5] == [space.sample(varied, index) for index in range(5)]
    rates = sorted(setting["rate"] for setting in settings)
    assert rates[0] >= 1e-4 and rates[-1] <= 1e-2
    assert 5e-4 < rates[100] < 2e-3, "half of them below the geometric mean"
    assert {setting["n"] for setting in settings} == set(range(2, 10))
