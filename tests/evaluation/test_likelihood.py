"""ELBO and importance-weighted bounds against another library, exact integrals and SciPy."""

import json
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import likelihood
from mmvae.evaluation.split import Split
from mmvae.models import gaussian
from mmvae.models.fusion import product_of_experts
from support import tiny
from support.places import shared


@pytest.fixture(scope="module")
def golden():
    """The cases that MultiVae computed on fixed inputs, with affine decoders."""
    return json.loads(shared("golden", "objectives.json").read_text())["cases"]


def experts(case):
    leaves = {name: np.array(value) for name, value in case["leaves"].items()}
    return {
        name: gaussian.Gaussian(leaves[f"{name}.mu"], leaves[f"{name}.logvar"])
        for name in case["modalities"]
    }


def drawn(q, count):
    """`count` draws [count, B, D] with the noise that the golden values were made with."""
    shape = (count, *np.shape(q.mean))
    noise = np.sin(1.7 + 0.9 * np.arange(np.prod(shape))).reshape(shape)
    return np.asarray(q.mean) + np.exp(0.5 * np.asarray(q.logvar)) * noise


def log_normal(case, name, z):
    """log p(x | z) [..., B] of an affine decoder with noise of scale 1."""
    mean = z @ np.array(case["W"][name]).T + np.array(case["b"][name])
    return stats.norm(mean).logpdf(np.array(case["x"][name])).sum(axis=-1)


@pytest.mark.parametrize("given", [("a", "b"), ("a",), ("b",)])
def test_elbo_is_that_of_multivae(golden, given):
    case = golden["mvae_2"]
    ones, zeros = np.ones(14, bool), np.zeros(14, bool)
    shown = {name: ones if name in given else zeros for name in ("a", "b")}
    q = product_of_experts(experts(case), shown)
    z = drawn(q, 1)
    likely = sum(log_normal(case, name, z) for name in given).T
    kl = np.asarray(gaussian.kl(q, gaussian.standard(q.mean.shape)))
    found = likelihood.elbo(likely, kl).mean()
    assert -found == pytest.approx(case["metrics"]["_".join(given)], rel=1e-5)


def test_importance_weighted_bound_is_that_of_multivae(golden):
    case = golden["mmvae_2_iwae_looser_normal_K4"]
    modalities = experts(case)
    bounds = []
    for q in modalities.values():
        z = drawn(q, 4)
        mixture = [np.asarray(jax.vmap(other.log_prob)(z)) for other in modalities.values()]
        log_q = np.logaddexp(*mixture) - np.log(2)
        log_p = stats.norm.logpdf(z).sum(axis=-1)
        likely = sum(log_normal(case, name, z) for name in modalities)
        bounds.append(likelihood.importance_bound((likely + log_p - log_q).T))
    assert -np.mean(bounds, axis=0).sum() == pytest.approx(case["loss"], rel=1e-5)


def test_bounds_close_in_on_the_evidence_of_a_linear_model():
    """x = 2 z + noise: log p(x) is known, the ELBO of a wrong posterior is not tight."""
    random = np.random.default_rng(0)
    x = random.normal(0, np.sqrt(5), 300)
    evidence = stats.norm(0, np.sqrt(5)).logpdf(x)
    mean, deviation = 0.3 * x, 0.6  # the true posterior is 0.4 x, 0.447
    z = mean[:, None] + deviation * random.normal(size=(300, 2000))
    likely = stats.norm(2 * z).logpdf(x[:, None])
    ratio = stats.norm.logpdf(z) - stats.norm(mean[:, None], deviation).logpdf(z)
    kl = 0.5 * (deviation**2 + mean**2 - 1 - 2 * np.log(deviation))
    elbo = likelihood.elbo(likely, kl[:, None])
    few = likelihood.importance_bound((likely + ratio)[:, :10])
    many = likelihood.importance_bound(likely + ratio)
    assert elbo.mean() < few.mean() < many.mean() + 0.01
    np.testing.assert_allclose(many.mean(), evidence.mean(), atol=0.01)
    assert elbo.mean() < evidence.mean() - 0.05
    exact = stats.norm.logpdf(z) - stats.norm(0.4 * x[:, None], np.sqrt(0.2)).logpdf(z) + likely
    assert likelihood.effective_draws(exact).min() == pytest.approx(2000, rel=1e-6)
    assert likelihood.effective_draws(likely + ratio).mean() < 1800


def test_one_dominant_weight_is_one_effective_draw():
    assert likelihood.effective_draws(np.array([[0.0, -800.0, -900.0]]))[0] == pytest.approx(1)


# The whole family on a model of three modalities


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    from data_prep.stages import vocabulary
    from mmvae.data.text import Tokenizer
    from mmvae.inference.session import Session

    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(vocabulary.train(["a red square", "a blue ellipse"] * 20, 300))
    tokenizer, config = Tokenizer(path), tiny.with_label()
    return Session(config, tiny.params(config, vocabulary=tokenizer.vocab_size), tokenizer)


@pytest.fixture(scope="module")
def pairs(session):
    captions = ["a red square", "a blue ellipse", "a blue square"] * 7
    batch = tiny.batch(session.config, len(captions))
    ids = session.modalities["caption"].parsed(captions)
    data = {name: batch[name] for name in session.modalities} | {"caption": ids}
    return Split(data, captions, captions)


def sample(session, pairs, given, count):
    return likelihood.sample(likelihood.compiled(session, count), session, pairs, given, seed=0)


def test_samples_are_of_the_models_posterior(session, pairs):
    found = sample(session, pairs, ("image",), 3)
    mean, deviation = session.encode(image=pairs.images)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4, atol=1e-5)
    prior = gaussian.standard(mean.shape)
    q = gaussian.Gaussian(jnp.asarray(mean), 2 * jnp.log(deviation))
    np.testing.assert_allclose(found.kl, gaussian.kl(q, prior), rtol=1e-3, atol=1e-5)
    assert found.losses["image"].shape == found.log_ratio.shape == (21, 3)
    # E[log q - log p] is the KL.
    many = sample(session, pairs, ("image",), 400)
    np.testing.assert_allclose(
        -many.log_ratio.mean(axis=1), many.kl.sum(axis=1), rtol=0.15, atol=0.3
    )


def test_rows_do_not_depend_on_the_others(session, pairs):
    all_of_them = sample(session, pairs, ("caption",), 2)
    some = sample(session, pairs.take(range(5)), ("caption",), 2)
    for name, loss in some.losses.items():
        np.testing.assert_allclose(loss, all_of_them.losses[name][:5], rtol=1e-5)


def test_what_a_row_lacks_is_not_shown(session, pairs):
    unknown = pairs.data | {"label": np.zeros_like(pairs.data["label"])}
    lacking = Split(unknown, pairs.captions, pairs.names)
    both = sample(session, lacking, ("image", "label"), 2)
    np.testing.assert_array_equal(both.mean, sample(session, lacking, ("image",), 2).mean)
    assert np.all(both.losses["label"] == 0)


def test_measures_skip_what_has_no_density(session, pairs):
    config = tiny.with_label(**tiny.FLOW)
    flowing = type(session)(config, tiny.params(config, vocabulary=300), session.tokenizer)
    values, details = likelihood.measure(flowing, pairs, pairs, Resampling(0), 2)
    assert "image_scale" not in details
    others, every = ("caption", "label"), ("image", "caption", "label")
    assert set(values) == {
        *(f"{bound}_{source}" for bound in ("elbo", "iwae") for source in others),
        *(f"log_likelihood_{a}_from_{b}" for a in others for b in every if a != b),
        *("latent_kl", "latent_active_units"),
    }


def test_every_bound_is_there_and_in_order(session, pairs):
    values, details = likelihood.measure(session, pairs, pairs, Resampling(0), 8)
    sources = ("joint", "image", "caption", "label")
    assert set(values) == {
        *(f"{bound}_{source}" for bound in ("elbo", "iwae") for source in sources),
        *(f"log_likelihood_{a}_from_{b}" for a, b in permutations(sources[1:], 2)),
        *("iwae_effective_draws", "image_bits_per_dim", "latent_kl", "latent_active_units"),
    }
    for source in sources:
        assert values[f"iwae_{source}"].value > values[f"elbo_{source}"].value - 0.5
    assert 1 <= values["iwae_effective_draws"].value <= 8
    assert sum(details["latent_kl_per_dimension"]) == pytest.approx(values["latent_kl"].value)
    # An untrained model explains pictures no better than noise: near 8 bits, never 0.
    assert 5 < values["image_bits_per_dim"].value < 12
