"""Subsets: their shares, what is absent, and what the learned prior is told."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.errors import UserError
from mmvae.objectives import subsets


def chosen(present, odds, rows=4000):
    """Shares of rows that show [only a, only b, both, nothing], for odds of (a, b, both)."""
    keys = jax.random.split(jax.random.key(0), rows)
    given = {name: jnp.full(rows, value) for name, value in present.items()}
    shares = dict(zip(("a", "b", "joint"), odds, strict=True))
    a, b = subsets.choose_subsets(keys, given, shares).values()
    return [np.mean(x) for x in (a & ~b, ~a & b, a & b, ~a & ~b)]


ODDS = [(0.4, 0.2, 0.4), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0), (6.0, 2.0, 2.0)]


@pytest.mark.parametrize("odds", ODDS)
def test_subsets_come_in_their_shares(odds):
    shares = chosen({"a": True, "b": True}, odds)
    np.testing.assert_allclose(shares[:3], np.array(odds) / sum(odds), atol=0.03)
    assert shares[3] == 0.0


@pytest.mark.parametrize("odds", ODDS)
def test_what_is_absent_is_never_chosen_and_the_rest_always(odds):
    assert chosen({"a": False, "b": True}, odds) == [0.0, 1.0, 0.0, 0.0]


def test_a_row_without_modalities_chooses_none():
    assert chosen({"a": False, "b": False}, ODDS[0]) == [0.0, 0.0, 0.0, 1.0]


def chosen_of_three(shares, rows=4000, **present):
    """Share of rows for each subset that was chosen of "a", "b" and "c", all or some present."""
    keys = jax.random.split(jax.random.key(0), rows)
    given = {name: jnp.full(rows, present.get(name, True)) for name in "abc"}
    chosen = jax.jit(lambda keys: subsets.choose_subsets(keys, given, shares))(keys)
    counts = Counter(zip(*(np.where(found, name, "") for name, found in chosen.items())))
    return {"".join(names): count / rows for names, count in counts.items()}


SHARES = {"a": 0.1, "b+c": 0.3, "joint": 0.6}


def test_a_subset_of_several_comes_in_its_share():
    found = chosen_of_three(SHARES)
    assert found == pytest.approx({"a": 0.1, "bc": 0.3, "abc": 0.6}, abs=0.03)


def test_a_subset_of_several_is_chosen_only_where_all_of_it_is_present():
    assert chosen_of_three(SHARES, b=False) == pytest.approx({"a": 1 / 7, "ac": 6 / 7}, abs=0.03)
    assert chosen_of_three(SHARES, a=False) == {"bc": 1.0}


def test_the_order_of_the_names_in_a_subset_does_not_matter():
    assert chosen_of_three({"c+b": 1.0}) == chosen_of_three({"b+c": 1.0}) == {"bc": 1.0}


def test_the_table_has_every_modality_alone_and_all_together():
    expected = [(("a",), 0.1), (("b",), 0.0), (("b", "a"), 0.3), (("a", "b"), 0.0)]
    assert subsets.table(["a", "b"], {"a": 0.1, "b+a": 0.3}) == expected


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("lable", "lable is no modality of this model; it has: caption, label; did you mean label"),
        ("label+image", "image is no modality of this model; it has: caption, label."),
        ("label+", " is no modality"),
    ],
)
def test_a_subset_of_no_modality_is_refused(key, words):
    with pytest.raises(UserError) as error:
        subsets.table(["caption", "label"], {"caption": 1.0, key: 1.0})
    assert str(error.value).startswith(f"config.loss.subsets.{key}: ")
    assert words in str(error.value)


def test_the_prior_is_told_one_modality_or_nothing():
    present = {"a": jnp.ones(4000, bool), "b": jnp.ones(4000, bool)}
    keys = jax.random.split(jax.random.key(0), 4000)
    known = subsets.choose_conditions(keys, present)
    assert not np.any(known["a"] & known["b"])
    np.testing.assert_allclose([known["a"].mean(), known["b"].mean()], 0.4, atol=0.03)
    only_b = subsets.choose_conditions(keys, present | {"a": jnp.zeros(4000, bool)})
    np.testing.assert_allclose([only_b["a"].mean(), only_b["b"].mean()], [0, 0.8], atol=0.03)
