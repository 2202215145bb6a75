"""Splits: nothing torn apart, the same every time, the shares that were asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.stages import splitting
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


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train/1.png", "train"),
        ("images/Validation/birds/1.png", "val"),
        ("val2017/1.png", "val"),
        ("TEST_2/1.png", "test"),
        ("trains/1.png", ""),
        ("test.png", ""),
        ("a/dev tools/1.png", ""),
    ],
)
def test_folders_that_are_named_after_a_split(path, split):
    assert splitting.of_folders(path) == split
    assert splitting.of_folders(path, "dev") == (split or "val")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("captions_val2014.json", "val"),
        ("train-00000-of-00004.parquet", "train"),
        ("test/train-0.tar", "test"),
        ("contest.csv", ""),
        ("captions.csv", ""),
    ],
)
def test_files_that_are_named_after_a_split(path, split):
    assert splitting.of_file(path) == split


@given(st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from(["", *"abc"])), max_size=12))
def test_pictures_and_groups_are_never_torn(pairs):
    pictures, groups = [p for p, _ in pairs], [g for _, g in pairs]
    keys = splitting.whole(pictures, groups)
    for names in (pictures, groups):
        for name in set(names) - {""}:
            assert len({key for key, other in zip(keys, names, strict=True) if other == name}) == 1
    linked = {(p, g or p) for p, g in pairs}
    for p, g in linked:  # and no more is joined than has to be
        if sum(p in link or g in link for link in linked) == 1:
            assert keys[pictures.index(p)] == g


def test_a_picture_in_several_splits_goes_to_the_one_held_out_most():
    given_splits = ["train", "validation", "", "test", "val"]
    assert splitting.one_each("aabbc", given_splits) == ["val", "val", "test", "test", "val"]
