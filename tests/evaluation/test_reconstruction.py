"""Picture errors against hand-computed values and scikit-image."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import reconstruction

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)


def measure(a, b):
    found = reconstruction.measure(a, b, Resampling(0))
    return {name: estimate.value for name, estimate in found.items()}


def test_errors_of_a_constant_difference():
    dark, light = np.zeros((2, 16, 16, 1), np.uint8), np.full((2, 16, 16, 1), 51, np.uint8)
    found = measure(dark, light)
    assert found["image_mse"] == pytest.approx(0.16)
    assert found["image_l1"] == pytest.approx(0.4)
    assert found["image_psnr"] == pytest.approx(10 * np.log10(4 / 0.16))
    # Equal structure, so only the term of the means is left (Wang et al. 2004, equation 6).
    c1 = (0.01 * 255) ** 2
    assert found["image_ssim"] == pytest.approx(c1 / (51**2 + c1), rel=1e-6)


def test_psnr_and_ssim_are_scikit_images():
    noisy = np.clip(PICTURES[:1] + RANDOM.normal(0, 20, PICTURES[:1].shape), 0, 255).astype(
        np.uint8
    )
    found = measure(PICTURES[:1], noisy)
    assert found["image_psnr"] == pytest.approx(peak_signal_noise_ratio(PICTURES[0], noisy[0]))
    theirs = structural_similarity(
        PICTURES[0],
        noisy[0],
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert found["image_ssim"] == pytest.approx(theirs)


def test_equal_pictures_are_perfect_and_shuffled_ones_bad():
    best, worst = measure(PICTURES, PICTURES), measure(PICTURES, np.roll(PICTURES, 1, axis=0))
    assert best["image_mse"] == best["image_l1"] == 0
    assert best["image_ssim"] == 1
    assert np.isinf(best["image_psnr"])
    assert worst["image_mse"] > 0.3
    assert worst["image_ssim"] < 0.3
