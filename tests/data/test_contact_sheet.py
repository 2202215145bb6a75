"""Sheets of pictures with their captions."""

import numpy as np
import pytest

from mmvae.data.contact_sheet import contact_sheet, to_picture


def pictures(count, side=32, channels=3):
    levels = np.linspace(0, 255, count).astype(np.uint8)
    return [np.full((side, side, channels), level) for level in levels]


def test_pictures_stand_in_rows_over_their_captions():
    sheet = np.asarray(contact_sheet(pictures(10), ["words"] * 10))
    one = np.asarray(contact_sheet(pictures(1), ["words"]))
    height, width = one.shape[0] - 8, one.shape[1] - 8  # of a cell; 8 pixels around
    assert sheet.shape == (2 * height + 8, 8 * width + 8, 3), "eight in a row"
    for place, picture in enumerate(pictures(10)):
        y, x = 8 + place // 8 * height, 8 + place % 8 * width
        assert np.all(sheet[y + 60, x + 60] == picture[0, 0]), place


def test_small_pictures_are_enlarged_and_large_ones_kept():
    assert contact_sheet(pictures(1, side=8), [""]).width == 128 + 16
    assert contact_sheet(pictures(1, side=300), [""]).width == 300 + 16


def test_long_captions_are_cut_and_stay_in_their_cell():
    sheet = np.asarray(contact_sheet(pictures(2), ["", "many words " * 30]))
    cell = (sheet.shape[1] - 8) // 2
    assert np.all(sheet[140:, : cell + 4] == 255), "nothing runs into the cell beside"
    assert np.any(sheet[140:, cell + 8 :] < 128)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_pixels_are_pictures_of_their_kind(channels, mode):
    (pixels,) = pictures(1, channels=channels)
    assert to_picture(pixels).mode == mode


def test_grey_pictures_may_have_no_channels():
    assert to_picture(np.zeros((4, 6), np.uint8)).size == (6, 4)


def test_a_word_of_a_megabyte_draws_no_huge_picture():
    short, long = (contact_sheet(pictures(1), ["x" * number]) for number in (300, 1_000_000))
    assert long.tobytes() == short.tobytes()  # Pillow's warning of a bomb would be an error here
