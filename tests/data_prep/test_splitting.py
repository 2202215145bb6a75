"""Splits: nothing torn apart, the same every time, the shares that were asked for."""

import pytest

from data_prep.stages.splitting import assign
from mmvae.errors import UserError

SHARES = {"val": 0.1, "test": 0.05}


def test_groups_are_never_torn_apart():
    keys = [f"book {i % 30}" for i in range(600)]
    chosen = assign(keys, [""] * 600, SHARES)
    assert len(set(zip(keys, chosen, strict=True))) == 30
    assert set(chosen) == {"train", "val", "test"}


def test_shares_are_met_and_the_order_of_pairs_does_not_matter():
    keys = [f"picture {i}" for i in range(1000)]
    chosen = dict(zip(keys, assign(keys, [""] * 1000, SHARES), strict=True))
    assert list(chosen.values()).count("val") == 100
    assert list(chosen.values()).count("test") == 50
    back = dict(zip(keys[::-1], assign(keys[::-1], [""] * 1000, SHARES), strict=True))
    assert back == chosen


def test_three_groups_fill_three_splits():
    assert set(assign(["a", "b", "c"], [""] * 3, SHARES)) == {"train", "val", "test"}


def test_given_splits_win_and_a_missing_one_is_carved_from_train():
    keys = [str(i) for i in range(100)]
    given = ["test"] * 20 + ["training"] * 80
    chosen = assign(keys, given, SHARES)
    assert chosen[:20] == ["test"] * 20
    assert chosen[20:].count("val") == 10
    assert "test" not in chosen[20:]


@pytest.mark.parametrize(
    ("keys", "given", "pictures"),
    [
        (["one"] * 50, [""] * 50, [str(i) for i in range(50)]),
        (["one"] * 2, [""] * 2, ["a", "b"]),
        (["one", "two"], [""] * 2, []),
        (["one"] * 50, ["val"] * 5 + [""] * 45, [str(i) for i in range(50)]),
        (["one"], [""], ["one"]),
    ],
)
def test_too_few_groups_are_explained_and_each_advice_works(keys, given, pictures):
    with pytest.raises(UserError, match="too few; type ") as error:
        assign(keys, given, SHARES, pictures)
    advice = str(error.value).partition("; type ")[2]
    assert ("--split-by pair" in advice) == (len(pictures) == 50)
    if "--split-by pair" in advice:
        assert set(assign(pictures, given, SHARES)) == {"train", "val", "test"}
    zero = {name: 0.0 for name in SHARES if f"--{name}-fraction 0" in advice}
    assert "train" in assign(keys, given, SHARES | zero)


def test_nothing_to_train_on_and_unknown_names_are_errors():
    with pytest.raises(UserError, match="nothing is left to train on"):
        assign(["a", "b"], ["val", "test"], SHARES)
    with pytest.raises(UserError, match="'extra' is not known"):
        assign(["a", "b"], ["extra", "train"], SHARES)


def test_no_held_out_pairs_on_request():
    assert set(assign(["a", "b"], ["", ""], {"val": 0.0, "test": 0.0})) == {"train"}
