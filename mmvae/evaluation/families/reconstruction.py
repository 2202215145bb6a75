"""How close pictures come to the originals: MSE, L1, PSNR and SSIM."""

import numpy as np
from skimage.metrics import structural_similarity

_PEAK = 2.0  # of pixels in [-1, 1]
# Wang et al. 2004: a Gaussian window of 1.5 pixels and the population covariance.
_SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def measure(originals, pictures, resampling, suffix=""):
    """{"image_mse", "image_l1", "image_psnr", "image_ssim" + suffix: Estimate}.

    Pictures uint8 [N, H, W, C]. MSE and L1 are of pixels in [-1, 1]; PSNR is that of the mean
    MSE, in dB; SSIM is the mean over pictures, 1 for equal ones.
    """
    apart = floats(pictures) - floats(originals)
    mse = np.mean(np.square(apart), axis=(1, 2, 3))
    values = {
        "image_mse": resampling.mean(mse),
        "image_l1": resampling.mean(np.mean(np.abs(apart), axis=(1, 2, 3))),
        "image_psnr": resampling.mean(mse, transform=psnr),
        "image_ssim": resampling.mean([ssim(*pair) for pair in zip(originals, pictures)]),
    }
    return {name + suffix: value for name, value in values.items()}


def floats(pixels):
    """uint8 pixels as float32 in [-1, 1]."""
    return pixels.astype(np.float32) / 127.5 - 1.0


def psnr(mse):
    """Peak signal-to-noise ratio in dB of a mean squared error on [-1, 1]."""
    return 10 * np.log10(_PEAK**2 / mse)


def ssim(original, picture):
    """Structural similarity of two pictures uint8 [H, W, C], mean over channels."""
    return structural_similarity(original, picture, channel_axis=-1, data_range=255, **_SSIM)
