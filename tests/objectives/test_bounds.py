"""Objectives of linear Gaussian models: below log p(x), tight where they should be, invariant."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from mmvae.models.decoder import Reconstruction
from mmvae.models.family.layout import Layout
from mmvae.models.fusion import FUSIONS, JOINT
from mmvae.models.gaussian import Gaussian, standard
from mmvae.objectives import terms
from mmvae.objectives.family import OBJECTIVES
from mmvae.objectives.rows import rows_of
from support import tiny, vectors

ROWS, SIZE = 400, 2
BOUNDS = ("mvtcae", "weighted_product", "mmvae", "mopoe", "jmvae", "mmjsd")


class Linear:
    """x_m = W_m z + noise of scale 1, with exact posteriors widened by `slack`."""

    def __init__(self, weights, slack=1.0, fusion="product"):
        self.weights, self.slack, self.fusion = weights, slack, fusion
        self.layout = Layout(tuple(weights), SIZE)

    def encode(self, inputs, keys):
        """Experts whose precisions, that of the prior among them, are those of each alone."""
        experts = {name: self._posterior({name: x}) for name, x in inputs.items()}
        return experts | {JOINT: self._posterior(inputs)}

    def _posterior(self, inputs):
        precision = 1 + sum(jnp.sum(self.weights[n] ** 2, axis=0) for n in inputs)
        mean = sum(x @ self.weights[n] for n, x in inputs.items()) / precision[None]
        logvar = jnp.broadcast_to(jnp.log(self.slack / precision), mean.shape)
        return Gaussian(mean, logvar)

    def reconstruct(self, z, data, keys=None, train=False):
        told = {}
        for name, x in data.items():
            mean = z @ self.weights[name].T
            loss = -Gaussian(mean, jnp.zeros_like(mean)).log_prob(x)
            told[name] = Reconstruction(loss, jnp.ones_like(loss), {})
        return told

    def log_prior(self, u):
        return standard(u.shape).log_prob(u)

    def fuse(self, experts, present):
        alone = {name: experts[name] for name in self.weights}
        return FUSIONS["product_without_prior"](alone, present)


@pytest.fixture(scope="module")
def linear():
    """(weights with orthogonal columns, data, log p(x) [ROWS]) of two modalities."""
    random = np.random.default_rng(0)
    weights = {"a": np.array([[1.0, 0], [0, 2]]), "b": np.array([[1.5, 0], [0, 0.5], [0, 0]])}
    z = random.normal(size=(ROWS, SIZE))
    data = {n: z @ w.T + random.normal(size=(ROWS, len(w))) for n, w in weights.items()}
    both = np.concatenate(list(weights.values()))
    evidence = stats.multivariate_normal(np.zeros(5), both @ both.T + np.eye(5))
    data = {name: np.float32(x) for name, x in data.items()}
    log_p = evidence.logpdf(np.concatenate(list(data.values()), axis=1))
    return {name: jnp.float32(w) for name, w in weights.items()}, data, log_p


def settings(**changes):
    config = vectors.config("ab", **{f"objective__{n}": v for n, v in changes.items()})
    return terms.Settings(config.loss, 1.0, objective=config.objective)


def loss(name, model, data, key=0, **changes):
    """The mean loss of an objective of the family."""

    def one(data, present):
        batch = data | {"present": present, "mask": jnp.ones(len(data["a"]), bool)}
        keys = terms.row_keys(jax.random.key(key), len(data["a"]))
        return OBJECTIVES[name].bound(rows_of(model, batch, keys, settings(**changes))).loss

    return tiny.on_one(one)(data, {n: np.ones(len(x), bool) for n, x in data.items()})


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_lies_below_the_evidence(linear, name):
    weights, data, log_p = linear
    # mvtcae is a bound with alpha 0; jmvae's KLs to the single posteriors only lower its own.
    bound = -loss(name, Linear(weights), data, alpha=0.0, gradient="iwae")
    assert bound < log_p.mean() + 0.1


def test_an_exact_posterior_makes_the_joint_bound_tight(linear):
    weights, data, log_p = linear
    bound = -loss("jmvae", Linear(weights), data, alpha=0.0)
    assert bound == pytest.approx(log_p.mean(), abs=0.05)
    wide = -loss("jmvae", Linear(weights, slack=2.0), data, alpha=0.0)
    assert wide < bound - 0.2


def test_more_samples_tighten_the_mixtures_bound(linear):
    weights, data, log_p = linear
    few, some, many = (
        -loss("mmvae", Linear(weights, slack=2.0), data, draws=k, gradient="iwae")
        for k in (1, 10, 200)
    )
    assert few < some - 0.1 < many
    assert many < log_p.mean() + 0.05
    assert many == pytest.approx(log_p.mean(), abs=0.1)


def test_the_doubly_reparametrised_gradient_is_that_of_the_bound_on_average(linear):
    """Of the posterior's width, which the iwae gradient hears as well, with more noise."""
    weights, data, _ = linear
    gradients = []
    for kind in ("dreg", "iwae"):
        of_width = lambda slack, key, kind=kind: loss(
            "mmvae", Linear(weights, slack), data, key, draws=5, gradient=kind
        )
        one = jax.jit(jax.grad(of_width))
        gradients.append([float(one(2.0, key)) for key in range(12)])
    (dreg, iwae), spread = np.mean(gradients, axis=1), np.std(gradients, axis=1) / np.sqrt(12)
    assert abs(dreg - iwae) < 4 * np.hypot(*spread)


@pytest.mark.parametrize("name", ["mvae", "crmvae", "mmjsd", "mmvm", "jmvae"])
def test_gradients_are_those_of_finite_differences(linear, name):
    weights, data, _ = linear
    some = {n: x[:5] for n, x in data.items()}
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda x: jnp.float64(x), (weights, some))
        of_weights = lambda weights: loss(name, Linear(weights, 1.3), exact[1])
        check_grads(of_weights, (exact[0],), order=1, modes=["rev"], atol=1e-5, rtol=1e-5)


class Still(terms.Keys):
    """Every sample is its mean, so that an order of modalities cannot change the noise."""

    def sample(self, q, stream):
        return q.mean

    def samples(self, q, stream, count):
        return jnp.repeat(q.mean[None], count, axis=0)


@pytest.mark.parametrize("name", ["mvae", "mvtcae", "crmvae", "mmvae", "mmvm", "jmvae"])
def test_the_order_of_modalities_changes_nothing(linear, name):
    weights, data, _ = linear
    totals = []
    for order in ("ab", "ba"):
        model = Linear({n: weights[n] for n in order})

        def one(data, present, model=model, order=order):
            inputs = {n: data[n] for n in order} | {"mask": jnp.ones(ROWS, bool)}
            batch = inputs | {"present": {n: present[n] for n in order}}
            keys = Still(jax.random.key(0), jnp.arange(ROWS))
            return OBJECTIVES[name].bound(rows_of(model, batch, keys, settings())).loss

        present = {n: np.arange(ROWS) % 3 != (n == "a") for n in "ab"}
        present = present if name != "jmvae" else {n: np.ones(ROWS, bool) for n in "ab"}
        totals.append(functools.partial(tiny.on_one(one), data, present)())
    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-5)
