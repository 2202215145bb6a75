"""What sweeps vary."""

import pytest

from mmvae.errors import UserError
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


def test_ranges_reach_from_end_to_end():
    assert [Range(2.0, 6.0).at(share) for share in (0.0, 0.5, 1.0)] == [2, 4, 6]
    middle = Range(1e-4, 1e-2, log=True).at(0.5)
    assert middle == 1e-3, "even in the logarithm, and without a tail of digits"
    assert Range(2, 9, whole=True).at(0.5) in (5, 6)
    assert isinstance(Range(2, 9, whole=True).at(0.3), int)


def test_flags_are_read_as_numbers_where_they_are():
    assert space.parse_choices("--config.train.batch_size=8,16") == ("train.batch_size", [8, 16])
    assert space.parse_choices("x=1e-3,auto") == ("x", [1e-3, "auto"])
    assert space.parse_range("x=1:9") == ("x", Range(1, 9, whole=True))
    assert space.parse_range("x=1e-4:1:log") == ("x", Range(1e-4, 1, log=True))


@pytest.mark.parametrize("text", ["x", "=1,2", "x=1,,2", "x="])
def test_choices_of_another_form_are_refused(text):
    with pytest.raises(UserError, match="FIELD=VALUE,VALUE"):
        space.parse_choices(text)


@pytest.mark.parametrize("text", ["x=1", "x=1:a", "=1:2", "x=1:2:3", "x=1:2:log:log"])
def test_ranges_of_another_form_are_refused(text):
    with pytest.raises(UserError, match="FIELD=LOW:HIGH"):
        space.parse_range(text)


def test_a_grid_cannot_go_through_a_range():
    with pytest.raises(UserError, match="--grid x=A,B,C"):
        space.grid(Space({"a": [1]}, {"x": Range(0.0, 1.0)}, {}))


def test_every_field_that_varies_is_named():
    varied = Space({"a": [1]}, {"b": Range(0.0, 1.0)}, {"p": {"d": 1, "c": 2}, "q": {"c": 3}})
    assert varied.fields == ["a", "b", "c", "d"]
