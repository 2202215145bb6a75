"""How close a set of pictures comes to real ones, on features [N, D] of a standard network.

A name ends in its features' network, such as `kid_efficientnet_lite0`: values of different
networks do not compare.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Shaped
from scipy.spatial.distance import cdist

from mmvae.errors import UserError
from mmvae.evaluation import features
from mmvae.evaluation.baselines import copies
from mmvae.evaluation.estimates import Estimate, Resampling, repeats
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job

FORMATS = {
    "kid_*": Format(".5f", "lower"),
    "mmd_rbf_*": Format(".3f", "lower"),
    "fid_*": Format(".2f", "lower"),
    "precision_*": Format(".3f", "higher"),
    "recall_*": Format(".3f", "higher"),
    "density_*": Format(".3f", "higher"),
    "coverage_*": Format(".3f", "higher"),
}
FID_LEAST = 2048  # pictures; a perfect model's FID is about 58 at 500
_NEAREST = 5  # neighbours; Naeem et al. 2020, section 4
_MMD_SCALE = 1000.0  # as CMMD prints it


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of generated pictures against held-out ones; training pictures stand beside them."""
    name = job.settings.features
    if not name and not features.has_default():
        job.notes.append(
            f"KID, precision, recall and the like were left out: they need PyTorch; "
            f"type: {features.INSTALL}"
        )
        return {}
    name, settings = name or features.DEFAULT, job.settings
    known = copies(job.train, settings.num, settings.seed).images
    sets = (job.test.images, job.answers.new.images, known)
    real, generated, copied = (features.extract(name, pictures) for pictures in sets)
    fewest = min(len(real), len(generated))
    if fewest < FID_LEAST:
        job.notes.append(
            f"FID was left out: with {fewest:,} pictures it is mostly bias; "
            f"it needs {FID_LEAST:,} (--num) of a split and generated."
        )
    # Training pictures against held-out ones: what perfect samples would reach.
    job.beside("copycat", measure(real, copied, name, job.resampling))
    return measure(real, generated, name, job.resampling)


def measure(
    real: Float[np.ndarray, "N D"],
    generated: Float[np.ndarray, "M D"],
    network: str,
    resampling: Resampling,
) -> dict[str, Estimate]:
    """{metric_network: Estimate} of features of real and of generated pictures.

    FID is left out below `FID_LEAST` pictures of either kind.
    """
    kernels = {"kid": polynomial_kernel, "mmd_rbf": rbf_kernel(real)}
    scales = {"kid": 1.0, "mmd_rbf": _MMD_SCALE}
    values = {
        name: mmd(real, generated, kernel, resampling).scaled(scales[name])
        for name, kernel in kernels.items()
    }
    values |= {name: resampling.mean(v) for name, v in manifold_overlap(real, generated).items()}
    if min(len(real), len(generated)) >= FID_LEAST:
        # No interval: resampling repeats pictures and moves FID by more than the interval.
        values["fid"] = Estimate(fid(real, generated), len(generated))
    return {f"{name}_{network}": value for name, value in values.items()}


def polynomial_kernel(
    x: Float[np.ndarray, "N D"], y: Float[np.ndarray, "M D"]
) -> Float[np.ndarray, "N M"]:
    """(x.y / D + 1)^3, the kernel of KID (Binkowski et al. 2018, section 4)."""
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def rbf_kernel(real: Float[np.ndarray, "N D"]) -> Callable:
    """Gaussian kernel on unit vectors, as wide as the median distance of real ones.

    CMMD (Jayasumana et al. 2024) fixes the width at 10 for CLIP's unit vectors, where the
    kernel is all but linear and blind to spread; the median sees too narrow a set, too.
    """
    distances = cdist(_unit(real), _unit(real))
    width = np.median(distances[np.triu_indices(len(real), 1)])
    return lambda x, y: np.exp(-cdist(_unit(x), _unit(y), "sqeuclidean") / (2 * width**2))


def mmd(
    real: Float[np.ndarray, "N D"],
    generated: Float[np.ndarray, "M D"],
    kernel: Callable,
    resampling: Resampling,
) -> Estimate:
    """Unbiased squared maximum mean discrepancy (Gretton et al. 2012, equation 3).

    0 in expectation for the same distribution, and then as often negative as positive.
    """
    within_real, within_generated = kernel(real, real), kernel(generated, generated)
    between = kernel(real, generated)

    def value(a, b):
        """Of replicates that take each item a [R, N] and b [R, M] times."""
        cross = ((a @ between) * b).sum(1) / (a.sum(1) * b.sum(1))
        return _mean_pair(within_real, a) + _mean_pair(within_generated, b) - 2 * cross

    once = value(np.ones((1, len(real))), np.ones((1, len(generated))))[0]
    taken = [repeats(len(x), resampling.seed + i) for i, x in enumerate((real, generated))]
    return Estimate(float(once), len(generated), value(*(times.astype(float) for times in taken)))


def manifold_overlap(
    real: Float[np.ndarray, "N D"], generated: Float[np.ndarray, "M D"], nearest: int = _NEAREST
) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Precision and density of each generated picture, recall and coverage of each real one.

    Precision, recall: lies within the distance of the `nearest`-th neighbour of some picture of
    the other set (Kynkaanniemi et al. 2019). Density: of how many, over `nearest`; coverage: has
    a generated one as near as its `nearest`-th real neighbour (Naeem et al. 2020).
    """
    apart = cdist(real, generated)
    inside_real = apart < _radii(real, nearest)[:, None]
    inside_generated = apart < _radii(generated, nearest)[None, :]
    return {
        "precision": inside_real.any(axis=0),
        "recall": inside_generated.any(axis=1),
        "density": inside_real.sum(axis=0) / nearest,
        "coverage": inside_real.any(axis=1),
    }


def fid(real: Float[np.ndarray, "N D"], generated: Float[np.ndarray, "M D"]) -> float:
    """Frechet distance of Gaussians fitted to two sets of features (Heusel et al. 2017).

    Raises:
        UserError: fewer than `FID_LEAST` pictures of either kind.
    """
    fewest = min(len(real), len(generated))
    if fewest < FID_LEAST:
        raise UserError(
            f"FID of {fewest:,} pictures is mostly bias (a perfect model scores "
            f"about 58 at 500); type --num {FID_LEAST} or more, with a split as large, or use KID."
        )
    return frechet_distance(real.mean(0), np.cov(real.T), generated.mean(0), np.cov(generated.T))


def frechet_distance(
    mean_a: Float[np.ndarray, " D"],
    cov_a: Float[np.ndarray, "D D"],
    mean_b: Float[np.ndarray, " D"],
    cov_b: Float[np.ndarray, "D D"],
) -> float:
    """Squared 2-Wasserstein distance of two Gaussians, means and covariances."""
    # The trace of (A B)^(1/2) is the sum of the square roots of the eigenvalues of A B, which
    # are those of the symmetric A^(1/2) B A^(1/2).
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    return float(np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def _mean_pair(kernel, times):
    """Mean kernel of two different items [R], items taken `times` [R, N].

    Copies of one item do not count as two: they would pass for a narrower set.
    """
    same = np.square(times)
    # A resample of one item alone has no pairs, and then nothing to add up either.
    pairs = np.maximum(1, times.sum(1) ** 2 - same.sum(1))
    return (((times @ kernel) * times).sum(1) - same @ np.diag(kernel)) / pairs


def _radii(features, nearest):
    """Distance to the `nearest`-th other item [N]."""
    nearest = min(nearest, len(features) - 1)
    return np.partition(cdist(features, features), nearest, axis=1)[:, nearest]


def _unit(features):
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
