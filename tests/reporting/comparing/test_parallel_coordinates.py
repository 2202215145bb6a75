"""Parallel coordinates of invented results."""

from mmvae.reporting.comparing import parallel_coordinates
from support.invented import invented


def test_parallel_coordinates_place_words_and_numbers():
    rows = [
        {"a": 1, "b": "x", "loss_total": 0.5},
        {"a": 10, "b": "y", "loss_total": 0.1},
        {"a": 100, "b": "x", "loss_total": 0.9},
    ]
    drawn = parallel_coordinates.svg(invented(rows, ["a", "b"]))
    assert drawn.startswith("<svg") and ">100<" in drawn and ">y<" in drawn
