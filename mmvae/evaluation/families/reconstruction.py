"""How close pictures come to the originals: MSE, L1, PSNR and SSIM."""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from skimage.metrics import structural_similarity

from mmvae.evaluation.answers import Answers, ModelAnswers, under
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split

FORMATS = {
    "image_mse*": Format(".4f", "lower"),
    "image_l1*": Format(".4f", "lower"),
    "image_psnr*": Format(".2f", "higher", "dB"),
    "image_ssim*": Format(".3f", "higher"),
}
_PEAK = 2.0  # of pixels in [-1, 1]
# Wang et al. 2004: a Gaussian window of 1.5 pixels and the population covariance.
_SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of the model's pictures, given both sides and either."""
    return of_answers(job.answers, job.test, job.resampling)


def of_answers(
    answers: Answers | ModelAnswers, test: Split, resampling: Resampling
) -> dict[str, Estimate]:
    """Of every picture that is answered; what was given ends a name."""
    values = {}
    for keys, pictures in answers.images.items():
        values |= under(keys, measure(test.images, pictures, resampling))
    return values


def measure(
    originals: UInt8[np.ndarray, "N H W C"],
    pictures: UInt8[np.ndarray, "N H W C"],
    resampling: Resampling,
) -> dict[str, Estimate]:
    """{"image_mse", "image_l1", "image_psnr", "image_ssim": Estimate}.

    MSE and L1 are of pixels in [-1, 1]; PSNR is that of the mean MSE, in dB; SSIM is the mean
    over pictures, 1 for equal ones.
    """
    apart = floats(pictures) - floats(originals)
    mse = np.mean(np.square(apart), axis=(1, 2, 3))
    return {
        "image_mse": resampling.mean(mse),
        "image_l1": resampling.mean(np.mean(np.abs(apart), axis=(1, 2, 3))),
        "image_psnr": resampling.mean(mse, transform=psnr),
        "image_ssim": resampling.mean([ssim(*pair) for pair in zip(originals, pictures)]),
    }


def floats(pixels: UInt8[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Pixels in [-1, 1]."""
    return pixels.astype(np.float32) / 127.5 - 1.0


def psnr(mse: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Peak signal-to-noise ratio in dB of a mean squared error on [-1, 1]."""
    return 10 * np.log10(_PEAK**2 / mse)


def ssim(original: UInt8[np.ndarray, "H W C"], picture: UInt8[np.ndarray, "H W C"]) -> float:
    """Structural similarity of two pictures, mean over channels."""
    return structural_similarity(original, picture, channel_axis=-1, data_range=255, **_SSIM)
