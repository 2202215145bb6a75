"""What only some objectives ask of a model: layout, Laplace posteriors, learned parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from mmvae.models.family.laplace import Laplace, of_moments
from mmvae.models.family.layout import Layout
from mmvae.models.family.learned import ClusterPrior, PrecisionWeights
from mmvae.models.fusion import JOINT, joint_encoder, mixture_of_experts, mixture_of_products
from mmvae.models.gaussian import Gaussian
from support import tiny, vectors

LAYOUT = Layout(("a", "b"), 3, 2)


def experts(names="ab", size=5, rows=4, seed=0):
    random = np.random.default_rng(seed)
    draw = lambda: jnp.float32(random.normal(size=(rows, size)))
    return {name: Gaussian(draw(), draw()) for name in names}


def test_a_latent_is_its_shared_part_and_a_code_of_each():
    z = jnp.arange(7.0)[None]
    assert LAYOUT.total == 7
    np.testing.assert_array_equal(LAYOUT.code(z, "b"), [[0, 1, 2, 5, 6]])
    joined = LAYOUT.join(z[:, :3], {"b": z[:, 5:], "a": z[:, 3:5]})
    np.testing.assert_array_equal(joined, z)
    np.testing.assert_array_equal(Layout(("a",), 7).code(z, "a"), z)


@pytest.mark.parametrize("fuse", [mixture_of_experts, lambda experts, _: experts["a"]])
def test_codes_stand_beside_the_fused_posterior(fuse):
    given = experts()
    shared, codes = LAYOUT.shared_of(given), LAYOUT.private_of(given)
    posterior = LAYOUT.with_codes(fuse(shared, dict.fromkeys("ab", jnp.ones(4, bool))), codes)
    assert posterior.mean.shape == (4, 7)
    np.testing.assert_allclose(posterior.mean[:, 5:], given["b"].mean[:, 3:], rtol=1e-5)
    np.testing.assert_allclose(posterior.deviation[:, 3:5], given["a"].deviation[:, 3:], rtol=1e-4)


def test_laplace_against_scipy():
    q = of_moments(experts("a", 3)["a"])
    np.testing.assert_allclose(q.scale.sum(axis=1), 3, rtol=1e-5)
    z = jnp.float32(np.random.default_rng(1).normal(size=(4, 3)))
    expected = stats.laplace(q.mean, q.scale).logpdf(z).sum(axis=1)
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-4)
    one = Laplace(jnp.array([[0.7]]), jnp.array([[0.4]]))
    density, prior = stats.laplace(0.7, 0.4), stats.laplace()
    ratio = lambda x: density.pdf(x) * (density.logpdf(x) - prior.logpdf(x))
    expected = integrate.quad(ratio, -15, 15, points=(0, 0.7), limit=200)[0]
    np.testing.assert_allclose(one.kl()[0, 0], expected, rtol=1e-4)
    keys = jax.random.split(jax.random.key(0), 20_000)
    many = Laplace(jnp.full((20_000, 1), 0.7), jnp.full((20_000, 1), 0.4)).sample(keys)
    assert np.mean(many) == pytest.approx(0.7, abs=0.02)
    assert np.std(many) == pytest.approx(float(one.deviation[0, 0]), abs=0.02)


def test_weights_of_precisions_sum_to_1_over_what_a_row_has():
    given = experts("abc", 2, rows=2)
    present = {name: jnp.array([True, name == "b"]) for name in "abc"}
    module = PrecisionWeights(("a", "b", "c"), 2)
    params = tiny.noisy(module.init(jax.random.key(0), given, present), 0, noise=1.0)
    weighted = module.apply(params, given, present)
    shares = jnp.stack([jnp.exp(given[n].logvar - weighted[n].logvar) for n in "abc"])
    np.testing.assert_allclose(shares[:, 0].sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(shares[1, 1], 1, rtol=1e-5)


def test_a_prior_of_clusters_is_a_density():
    module = ClusterPrior(3)
    grid = jnp.linspace(-12, 12, 4001)[:, None]
    params = tiny.noisy(module.init(jax.random.key(0), grid), 0, noise=0.5)
    assert np.trapezoid(np.exp(module.apply(params, grid)), grid[:, 0]) == pytest.approx(
        1, abs=1e-3
    )


def test_a_mixture_of_products_holds_every_subset_that_a_row_has():
    given = experts("ab", 2, rows=3)
    present = {"a": jnp.array([True, True, False]), "b": jnp.array([True, False, False])}
    posterior = mixture_of_products(given, present)
    weights = np.exp(posterior.log_weights)
    expected = [[1 / 3, 1 / 3, 1 / 3, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    both = 1 / (1 + sum(jnp.exp(-q.logvar[0]) for q in given.values()))
    np.testing.assert_allclose(jnp.exp(posterior.components.logvar[0, 2]), both, rtol=1e-5)


def test_the_joint_encoder_answers_where_everything_is_there():
    given = experts("ab", 2, rows=3) | {JOINT: experts("j", 2, rows=3, seed=1)["j"]}
    present = {"a": jnp.array([True, True, False]), "b": jnp.array([True, False, False])}
    posterior = joint_encoder(given, present)
    np.testing.assert_array_equal(posterior.mean[0], given[JOINT].mean[0])
    np.testing.assert_allclose(posterior.mean[1], given["a"].mean[1], rtol=1e-5)
    np.testing.assert_array_equal(posterior.mean[2], [0, 0])


def test_absent_codes_have_their_prior():
    config = vectors.config("ab", objective__name="mmvaeplus").lock()
    model, params, batch = tiny.model(config), tiny.params(config), vectors.batch(config, 2)
    shown = {"a": np.array([True, False]), "b": np.array([True, True])}
    inputs = {name: batch[name] for name in shown}
    posterior = model.apply({"params": params}, inputs, shown, method="infer")
    start = config.model.latent.dim
    assert posterior.mean.shape == (2, start + 4)
    np.testing.assert_array_equal(posterior.mean[1, start : start + 2], [0, 0])
    scale = jnp.exp(0.5 * params["code_scales_a"]["logvar"])
    np.testing.assert_allclose(posterior.deviation[1, start : start + 2], scale, rtol=1e-4)


@pytest.mark.parametrize("name", ["cmvae", "mopoe_private", "weighted_product", "jmvae"])
def test_one_modality_is_encoded_alone_for_any_number_of_rows(name):
    """As the package's programs do, whose number of rows is a symbol."""
    config = vectors.config("ab", objective__name=name).lock()
    model, params = tiny.model(config), tiny.params(config)

    @jax.jit
    def encode(params, data):
        bound = model.bind({"params": params})
        posterior = bound.fuse(bound.encode({"a": data}), {"a": jnp.ones(data.shape[0], bool)})
        return posterior.mean, posterior.deviation

    (rows,) = jax.export.symbolic_shape("b")
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), params)
    data = jax.ShapeDtypeStruct((rows, 3), jnp.float32)
    exported = jax.export.export(encode)(shapes, data)
    assert [str(out.shape[0]) for out in exported.out_avals] == ["b", "b"]
    assert exported.out_avals[0].shape[1] == model.latent_dim
