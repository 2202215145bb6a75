"""Picture files as pixels."""

import numpy as np
import pytest
from PIL import Image

from mmvae.data import pictures
from mmvae.packaging import run


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (64, 1), (65, 1), (1, 1)])
def test_however_long_a_picture_is_it_becomes_a_square(tmp_path, size):
    Image.new("RGB", size, "red").save(tmp_path / "long.png")
    square = pictures.load(tmp_path / "long.png", (32, 32, 3))
    assert np.all(square == [255, 0, 0])
    np.testing.assert_array_equal(run.picture(tmp_path / "long.png", (32, 32, 3)), square)
