"""Set metrics against known values, brute force and trusted libraries; which faults they see."""

import numpy as np
import pytest
from scipy import linalg

from mmvae.errors import UserError
from mmvae.evaluation import features
from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import images
from support import reference_kid

RANDOM = np.random.default_rng(0)
RESAMPLING = Resampling(0)


def normal(count, size=16, scale=1.0, shift=0.0):
    return RANDOM.normal(shift, scale, (count, size))


def values(real, made):
    found = images.measure(real, made, "x", RESAMPLING)
    return {name: estimate.value for name, estimate in found.items()}


def test_unbiased_discrepancy_by_hand():
    # Kernel x y of numbers: within the sets 1 * 2 and 3 * 5, between them the product of means.
    real, made = np.array([[1.0], [2.0]]), np.array([[3.0], [5.0]])
    found = images.mmd(real, made, lambda x, y: x @ y.T, RESAMPLING)
    assert found.value == pytest.approx(2 + 15 - 2 * 1.5 * 4)


def test_samples_of_one_distribution_score_nothing_within_the_interval():
    found = images.measure(normal(300), normal(300), "x", RESAMPLING)
    for name in ("kid_x", "mmd_rbf_x"):
        low, high = found[name].interval
        assert low < 0 < high
    assert abs(found["density_x"].value - 1) < 0.15
    assert found["coverage_x"].value > 0.9


def test_intervals_of_discrepancy_hold_the_truth():
    truth = values(normal(3000, 4), normal(3000, 4, shift=0.5))["kid_x"]
    held = 0
    for _ in range(40):
        pair = normal(80, 4), normal(80, 4, shift=0.5)
        low, high = images.mmd(*pair, images.polynomial_kernel, RESAMPLING).interval
        held += low < truth < high
    assert held >= 33


def test_a_shift_is_seen_by_every_metric():
    real = normal(300)
    good, bad = values(real, normal(300)), values(real, normal(300, shift=1.5))
    assert bad["kid_x"] > 100 * abs(good["kid_x"])
    assert bad["mmd_rbf_x"] > 100 * abs(good["mmd_rbf_x"])
    for name in ("precision_x", "recall_x", "density_x", "coverage_x"):
        assert bad[name] < 0.5 * good[name]


def test_too_narrow_a_set_is_seen_by_the_gaussian_kernel_and_by_recall():
    real = normal(400) + 3  # off the origin, as features are
    good, narrow = values(real, normal(400) + 3), values(real, normal(400, scale=0.6) + 3)
    assert narrow["mmd_rbf_x"] > 20 * abs(good["mmd_rbf_x"])
    assert narrow["recall_x"] < 0.5 * good["recall_x"]
    assert narrow["precision_x"] >= good["precision_x"]


def test_manifolds_against_brute_force():
    real, made = normal(30, 3), normal(25, 3, scale=1.4)
    distance = lambda a, b: np.linalg.norm(a - b)
    radius = lambda points, i: sorted(distance(points[i], other) for other in points)[5]
    found = images.manifold_overlap(real, made)
    inside = [[distance(r, m) < radius(real, i) for m in made] for i, r in enumerate(real)]
    np.testing.assert_array_equal(found["precision"], np.any(inside, axis=0))
    np.testing.assert_allclose(found["density"], np.sum(inside, axis=0) / 5)
    np.testing.assert_array_equal(found["coverage"], np.any(inside, axis=1))
    back = [any(distance(r, m) < radius(made, j) for j, m in enumerate(made)) for r in real]
    np.testing.assert_array_equal(found["recall"], back)


def test_manifolds_are_those_of_prdc():
    prdc = pytest.importorskip("prdc", reason="prdc, the reference implementation, is absent")
    real, made = normal(100, 8), normal(90, 8, scale=1.3)
    theirs = prdc.compute_prdc(real, made, nearest_k=5)
    found = images.manifold_overlap(real, made)
    for name, value in theirs.items():
        assert found[name].mean() == pytest.approx(value)


def test_kid_is_torch_fidelitys():
    theirs = reference_kid.load()
    import torch

    real, made = normal(120, 32), normal(120, 32, shift=0.3)
    found = theirs.kid_features_to_metric(
        torch.from_numpy(real), torch.from_numpy(made), kid_subsets=1, kid_subset_size=120
    )
    ours = values(real, made)["kid_x"]
    assert ours == pytest.approx(found["kernel_inception_distance_mean"], rel=1e-6)


def test_frechet_distance_of_known_gaussians():
    mean, cov = np.array([1.0, 2.0]), np.diag([4.0, 9.0])
    other = np.diag([1.0, 16.0])
    # Independent axes: the squares of the differences of means and of deviations.
    found = images.frechet_distance(mean, cov, np.zeros(2), other)
    assert found == pytest.approx(1 + 4 + 1 + 1)
    assert images.frechet_distance(mean, cov, mean, cov) == pytest.approx(0, abs=1e-9)
    a, b = (x @ x.T for x in (normal(5, 5), normal(5, 5)))
    cross = 2 * np.trace(np.real(linalg.sqrtm(a @ b)))
    theirs = np.trace(a) + np.trace(b) - cross
    assert images.frechet_distance(0, a, 0, b) == pytest.approx(theirs, rel=1e-6)


def test_fid_is_left_out_and_refused_on_few_pictures():
    few = normal(100)
    assert "fid_x" not in values(few, few)
    with pytest.raises(UserError, match="type --num 2048 or more"):
        images.fid(few, normal(5000, 16))
    many = normal(2048, 4)
    assert values(many, normal(2048, 4))["fid_x"] < 0.05


def test_networks_are_named_when_unknown():
    with pytest.raises(UserError, match="--features vgg is not one of: efficientnet_lite0"):
        features.extract("vgg", np.zeros((1, 8, 8, 3), np.uint8))


def test_a_missing_network_says_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setitem(features.NETWORKS, "inception", absent)
    with pytest.raises(UserError, match="needs torch; type: pip install -r"):
        features.extract("inception", np.zeros((1, 8, 8, 3), np.uint8))


def test_efficientnet_tells_pictures_apart():
    pytest.importorskip(
        "efficientnet_lite_pytorch", reason="EfficientNet is absent: " + features.INSTALL
    )
    from data_prep.sources import sprites

    red, green = (sprites.draw(seed, 3, 32, 0, 12)[0] for seed in (1, 2))
    found = features.extract("efficientnet_lite0", np.concatenate([red, green]))
    assert found.shape == (24, 1280)
    np.testing.assert_allclose(features.extract("efficientnet_lite0", red), found[:12], atol=1e-4)
    noise = RANDOM.integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    apart = values(found[:12], features.extract("efficientnet_lite0", noise))["kid_x"]
    alike = values(found[:12], found[12:])["kid_x"]
    assert apart > 10 * abs(alike)
    grey = features.extract("efficientnet_lite0", red[..., :1])
    assert grey.shape == (12, 1280)
