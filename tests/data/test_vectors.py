"""Vectors as data: what users give, what is stored, what is unknown."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmvae.data.vectors import Vector
from mmvae.errors import UserError

VECTOR = Vector(("height", "width"))


def test_texts_dicts_and_arrays_say_the_same():
    texts = VECTOR.parsed(["height=1.5, width=2", "width=-3e1"])
    dicts = VECTOR.parsed([{"height": 1.5, "width": "2"}, {"width": -30, "height": None}])
    np.testing.assert_array_equal(texts, [[1.5, 2], [np.nan, -30]])
    np.testing.assert_array_equal(texts, dicts)
    np.testing.assert_array_equal(VECTOR.parsed(np.float64(texts)), texts)
    assert texts.dtype == VECTOR.dtype
    assert VECTOR.shown(texts) == ["height=1.5, width=2", "width=-30"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heigth=1", "heigth is no number of this model; .* did you mean height?"),
        ("height=tall", "height=tall is no number; write such as height=1.5."),
        ("height", "height= is no number"),
    ],
)
def test_what_cannot_be_read_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        VECTOR.parsed([text])


def test_rows_are_present_where_some_number_is_known():
    data = np.array([[1, np.nan], [np.nan, np.nan], [0, 0]], np.float32)
    np.testing.assert_array_equal(VECTOR.present(data), [True, False, True])
    assert not VECTOR.present(VECTOR.blank(2)).any()


def test_numbers_are_read_from_what_a_data_set_stores():
    stored = SimpleNamespace(attributes=[{"height": "2", "colour": "red"}, {}])
    np.testing.assert_array_equal(VECTOR.stored(stored), [[2, np.nan], [np.nan, np.nan]])
    assert VECTOR.describe() == "2 numbers"
    assert VECTOR.random(np.random.default_rng(0), 3).shape == (3, 2)
