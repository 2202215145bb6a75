"""Rows by what they have, and the shares of a batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmvae.data import pools
from mmvae.errors import UserError

PRESENT = {
    "image": np.array([1, 1, 0, 1, 0, 1], bool),
    "caption": np.array([1, 0, 1, 1, 1, 1], bool),
}


def rows(present, shares, size):
    return [pool.rows.tolist() for pool in pools.of(present, shares, size)]


def test_kinds_are_named_after_what_rows_have():
    assert pools.counts(PRESENT) == {"pair": 3, "caption": 2, "image": 1}
    labelled = PRESENT | {"label": np.array([0, 0, 0, 0, 0, 1], bool)}
    assert pools.counts(labelled) == {"caption": 2, "image+caption": 2, "image": 1, "pair": 1}
    assert rows(labelled, {"caption+image": 0.5, "caption": 0.5}, 4) == [[2, 4], [0, 3]]


def test_without_shares_there_is_one_pool_of_all_rows():
    assert rows(PRESENT, {}, 4) == rows(PRESENT, dict.fromkeys(("pair", "image"), 0.0), 4)
    assert rows(PRESENT, {}, 4) == [[0, 1, 2, 3, 4, 5]]


def test_an_epoch_is_a_pass_over_pairs_or_the_greatest_share():
    assert rows(PRESENT, {"caption": 0.5, "pair": 0.25, "image": 0.25}, 4)[0] == [0, 3, 5]
    assert rows(PRESENT, {"image": 0.3, "caption": 0.7}, 3)[0] == [2, 4]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=4), st.integers(64, 300))
def test_shares_fill_a_batch(parts, size):
    shares = {name: float(part) for name, part in zip("abcd", parts)}
    if size * min(parts) < sum(parts):
        return
    sizes = pools.batch_sizes(shares, size)
    assert sum(sizes.values()) == size
    exact = {name: size * share / sum(parts) for name, share in shares.items()}
    assert all(abs(sizes[name] - exact[name]) < 1 for name in shares)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"pair": 0.99, "caption": 0.01}, "shares.caption=0.01 is less than one row"),
        ({"pair": 0.5, "image": 0.5}, r"2 rows of image .* has 1 \(pair 3, caption 2, image 1\)"),
        ({"pair": 0.5, "capton": 0.5}, "capton is no modality of this model.*caption"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares, said):
    with pytest.raises(UserError, match=said):
        pools.of(PRESENT, shares, 4)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 8))
def test_every_stretch_of_a_batch_has_the_shares(sizes, parts):
    order = pools.spread(sizes)
    assert sorted(order) == list(range(sum(sizes)))
    pool = np.repeat(np.arange(len(sizes)), sizes)[order]
    for part in np.array_split(pool, parts):
        expected = len(part) * np.array(sizes) / sum(sizes)
        held = np.bincount(part, minlength=len(sizes))
        assert np.all(np.abs(held - expected) <= len(sizes))
