"""The losses: by hand, against another library, and what no gradient may reach."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import gaussian
from mmvae.models.fusion import product_of_experts
from mmvae.models.gaussian import Gaussian
from mmvae.objectives import elbo
from support import tiny
from support.places import shared


def leaves_equal(left, right, **tolerance):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), left, right)


def is_zero(tree):
    return all(np.all(leaf == 0) for leaf in jax.tree.leaves(tree))


# Golden values of the library MultiVae. Each test checks our `gaussian.kl`, `standard` and
# `log_prob` and our `product_of_experts`; noise is fixed, decoders are affine.


def golden(name):
    """(loss, {leaf: gradient}, case) of the golden file."""
    case = json.loads(shared("golden", "objectives.json").read_text())["cases"][name]
    for group in ("x", "W", "b", "leaves"):
        case[group] = {key: jnp.float32(value) for key, value in case[group].items()}
    grads = {key: np.float32(value) for key, value in case["grads"].items() if value is not None}
    return case["loss"], grads, case


def golden_noise(shape):
    return jnp.sin(1.7 + 0.9 * jnp.arange(np.prod(shape))).reshape(shape)


def experts_of(leaves, suffix=""):
    return {n: Gaussian(leaves[f"{n}.{suffix}mu"], leaves[f"{n}.{suffix}logvar"]) for n in "ab"}


def fixed_draw(q, samples=()):
    return q.mean + jnp.exp(0.5 * q.logvar) * golden_noise((*samples, *q.mean.shape))


def affine_loss(case, name, z):
    """-log N(x; W z + b, I), summed over features."""
    drawn = z @ case["W"][name].T + case["b"][name]
    return -gaussian.log_prob(Gaussian(drawn, jnp.zeros_like(drawn)), case["x"][name])


def prior_kl(q):
    return gaussian.kl(q, gaussian.standard(q.mean.shape)).sum(-1)


def masks_of(case):
    masks = case["masks"] or {name: [True] * 14 for name in "ab"}
    return {name: jnp.array(mask) for name, mask in masks.items()}


def assert_golden(objective, loss, grads, leaves):
    found, gradients = jax.jit(jax.value_and_grad(objective))(leaves)
    np.testing.assert_allclose(found, loss, rtol=1e-5)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("name", "subsets"), [("mvae_2", ("ab", "a", "b")), ("mvae_2_masked", ("ab",))]
)
def test_mvae_equals_golden_values(name, subsets):
    """Checks `product_of_experts`, with absent experts, and `kl` to the prior."""
    loss, grads, case = golden(name)
    masks = masks_of(case)

    def objective(leaves):
        total = 0.0
        for subset in subsets:
            seen = {n: masks[n] & (n in subset) for n in "ab"}
            q = product_of_experts(experts_of(leaves), seen)
            z = fixed_draw(q)
            total += jnp.mean(sum(seen[n] * affine_loss(case, n, z) for n in "ab") + prior_kl(q))
        return total

    assert_golden(objective, loss, grads, case["leaves"])


def test_jmvae_equals_golden_values():
    """Checks `kl` between two Gaussians, with gradients into both."""
    loss, grads, case = golden("jmvae_2")

    def objective(leaves):
        q = Gaussian(leaves["joint.mu"], leaves["joint.logvar"])
        z = fixed_draw(q)
        rows = sum(affine_loss(case, n, z) for n in "ab") + prior_kl(q)
        for expert in experts_of(leaves).values():
            rows += case["config"]["alpha"] * gaussian.kl(q, expert).sum(-1)
        return jnp.mean(rows)

    assert_golden(objective, loss, grads, case["leaves"])


def test_dmvae_equals_golden_values():
    """Checks `product_of_experts` and `kl` together with private codes."""
    loss, grads, case = golden("dmvae_2")
    whole = masks_of(case)

    def objective(leaves):
        shared, private = experts_of(leaves), experts_of(leaves, "style_")
        rows = 0.0
        for q in (product_of_experts(shared, whole), *shared.values()):
            z = fixed_draw(q)
            for name, style in private.items():
                code = jnp.concatenate([z, fixed_draw(style)], axis=-1)
                rows += affine_loss(case, name, code) + prior_kl(style)
            rows += prior_kl(q)
        return jnp.mean(rows)

    assert_golden(objective, loss, grads, case["leaves"])


def test_mmvae_importance_bound_equals_golden_values():
    """Checks `log_prob`, with gradients into its distribution and its argument."""
    loss, grads, case = golden("mmvae_2_iwae_looser_normal_K4")

    def objective(leaves):
        experts, total = experts_of(leaves), 0.0
        for q in experts.values():
            z = fixed_draw(q, (4,))
            mixture = jnp.stack([gaussian.log_prob(expert, z) for expert in experts.values()])
            weight = gaussian.log_prob(gaussian.standard(z.shape), z)
            weight -= jax.nn.logsumexp(mixture, axis=0) - jnp.log(2)
            weight -= sum(affine_loss(case, n, z) for n in "ab")
            total -= jnp.sum(jax.nn.logsumexp(weight, axis=0) - jnp.log(4)) / 2
        return total

    assert_golden(objective, loss, grads, case["leaves"])


# Subsets


def chosen(present, odds, rows=4000):
    """Shares of rows that show [only a, only b, both, nothing], for odds of (a, b, both)."""
    keys = jax.random.split(jax.random.key(0), rows)
    given = {name: jnp.full(rows, value) for name, value in present.items()}
    shares = dict(zip(("a", "b", "joint"), odds, strict=True))
    a, b = elbo.choose_subsets(keys, given, shares).values()
    return [np.mean(x) for x in (a & ~b, ~a & b, a & b, ~a & ~b)]


ODDS = [(0.4, 0.2, 0.4), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0), (6.0, 2.0, 2.0)]


@pytest.mark.parametrize("odds", ODDS)
def test_subsets_come_in_their_shares(odds):
    shares = chosen({"a": True, "b": True}, odds)
    np.testing.assert_allclose(shares[:3], np.array(odds) / sum(odds), atol=0.03)
    assert shares[3] == 0.0


@pytest.mark.parametrize("odds", ODDS)
def test_what_is_absent_is_never_chosen_and_the_rest_always(odds):
    assert chosen({"a": False, "b": True}, odds) == [0.0, 1.0, 0.0, 0.0]


def test_a_row_without_modalities_chooses_none():
    assert chosen({"a": False, "b": False}, ODDS[0]) == [0.0, 0.0, 0.0, 1.0]


# Means over devices


TOTALS = jnp.arange(1.0, 9.0)
COUNTS = jnp.array([1.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0, 3.0])


def test_the_mean_of_global_means_is_the_mean_of_all_rows():
    shares = tiny.on_devices(elbo.global_mean, 4)(TOTALS, COUNTS)
    np.testing.assert_allclose(shares.mean(), TOTALS.sum() / COUNTS.sum(), rtol=1e-6)


def test_the_mean_of_gradients_is_the_gradient_of_the_mean():
    loss = lambda w, x, counts: elbo.global_mean(jnp.square(w * x) * counts, counts)
    per_device = tiny.on_devices(lambda x, counts: jax.grad(loss)(3.0, x, counts), 4)
    expected = jax.grad(lambda w: jnp.sum(jnp.square(w * TOTALS) * COUNTS) / COUNTS.sum())(3.0)
    np.testing.assert_allclose(per_device(TOTALS, COUNTS).mean(), expected, rtol=1e-6)


def test_a_global_mean_of_nothing_is_zero():
    assert tiny.on_one(elbo.global_mean)(jnp.zeros(4), jnp.zeros(4)) == 0.0


# KL and free bits


def kl_of(means, mask, free_bits, devices=1):
    """`kl_term` of unit-variance posteriors [B, D] with these means, and its gradient."""

    def term(means, mask):
        loss = lambda m: elbo.kl_term(Gaussian(m, jnp.zeros_like(m)), mask, free_bits)
        return jax.value_and_grad(loss)(means)

    value, gradient = tiny.on_devices(term, devices)(jnp.float32(means), jnp.array(mask))
    return value.mean(), gradient.reshape(np.shape(means)) / devices


MEANS = [[2.0, 0.1], [4.0, 0.1], [0.0, 0.3], [9.0, 9.0]]
ROWS = [True, True, True, False]  # KL of a row is m^2 / 2: means 20 / 6 and 0.11 / 6


def test_kl_term_by_hand():
    value, gradient = kl_of(MEANS, ROWS, free_bits=0.0)
    np.testing.assert_allclose(value, (20 + 0.11) / 6, rtol=1e-5)
    np.testing.assert_allclose(gradient, np.array(ROWS)[:, None] * np.array(MEANS) / 3, rtol=1e-5)


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_a_dimension_below_its_free_bits_costs_them_and_has_no_gradient(devices):
    value, gradient = kl_of(MEANS, ROWS, free_bits=0.5, devices=devices)
    np.testing.assert_allclose(value, 20 / 6 + 0.5, rtol=1e-5)
    expected = np.array(ROWS)[:, None] * np.array(MEANS) * [1, 0] / 3
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


# Alignment


def pair_experts(rows=8):
    """Experts of pairs that agree, and parameters whose projections keep their means."""
    mean = jax.random.normal(jax.random.key(0), (rows, 8))
    near = mean + 0.1 * jax.random.normal(jax.random.key(1), mean.shape)
    logvar = jnp.full_like(mean, -1.0)
    return {"image": Gaussian(mean, logvar), "caption": Gaussian(near, logvar)}


def alignment(name, tiny_model, experts, both, devices=1):
    _, model, params = tiny_model
    same = {"kernel": jnp.eye(8), "bias": jnp.zeros(8)}
    apply = elbo.bind(model, params | {"heads_image": same, "heads_caption": same})
    term = functools.partial(elbo.ALIGNMENTS[name], apply)
    return tiny.on_devices(term, devices)(experts, both).mean()


@pytest.mark.parametrize("name", elbo.ALIGNMENTS)
def test_aligned_pairs_score_below_shuffled_ones(name, tiny_model):
    experts, both = pair_experts(), jnp.ones(8, bool)
    shuffled = experts | {"caption": jax.tree.map(lambda x: jnp.roll(x, 1, 0), experts["caption"])}
    aligned = alignment(name, tiny_model, experts, both)
    assert 0 <= aligned < 0.8 * alignment(name, tiny_model, shuffled, both)


@pytest.mark.parametrize("name", elbo.ALIGNMENTS)
def test_alignment_ignores_incomplete_pairs(name, tiny_model):
    experts = pair_experts()
    both = jnp.array([True, False, True, True, False, False, True, True])
    other = experts | {
        "caption": jax.tree.map(lambda x: jnp.where(both[:, None], x, -3.0), experts["caption"]),
    }
    only = jax.tree.map(lambda x: x[both], experts)
    found = alignment(name, tiny_model, experts, both)
    np.testing.assert_allclose(found, alignment(name, tiny_model, other, both), rtol=1e-6)
    np.testing.assert_allclose(
        found, alignment(name, tiny_model, only, jnp.ones(5, bool)), rtol=1e-5
    )


@pytest.mark.parametrize("name", elbo.ALIGNMENTS)
def test_alignment_is_that_of_the_whole_batch_on_any_number_of_devices(name, tiny_model):
    both = jnp.array([True, False, True, True, False, False, True, True])
    one, four = (alignment(name, tiny_model, pair_experts(), both, n) for n in (1, 4))
    np.testing.assert_allclose(one, four, rtol=1e-5)


def test_sigmoid_contrast_by_hand(tiny_model):
    experts = pair_experts(3)
    found = alignment("siglip", tiny_model, experts, jnp.ones(3, bool))
    unit = lambda q: q.mean / np.linalg.norm(q.mean, axis=-1, keepdims=True)
    params = tiny_model[2]
    logits = np.exp(params["alignment_scale"]) * unit(experts["caption"]) @ unit(experts["image"]).T
    logits += params["alignment_bias"]
    signed = logits * (2 * np.eye(3) - 1)
    np.testing.assert_allclose(found, np.log1p(np.exp(-signed)).sum() / 3, rtol=1e-4)


def test_symmetric_kl_by_hand(tiny_model):
    a, b = (
        Gaussian(jnp.zeros((1, 8)), jnp.zeros((1, 8))),
        Gaussian(jnp.ones((1, 8)), jnp.full((1, 8), np.log(2.0))),
    )
    found = alignment("symmetric_kl", tiny_model, {"image": a, "caption": b}, jnp.ones(1, bool))
    forward = 0.5 * (1 / 2 - 1 + np.log(2) + 1 / 2)
    backward = 0.5 * (2 - 1 - np.log(2) + 1)
    np.testing.assert_allclose(found, (forward + backward) / 2, rtol=1e-5)


# The total of the training losses


def compiled_gradients(config, model):
    """gradients(params, batch) -> ((total, metrics), gradients) on one device."""

    def one(params, batch):
        loss = lambda params: elbo.train_losses(
            model, params, batch, jax.random.key(0), config, 0.01
        )
        return jax.value_and_grad(loss, has_aux=True)(params)

    return jax.jit(lambda params, batch: tiny.on_one(functools.partial(one, params))(batch))


@pytest.fixture(scope="module")
def gradients(tiny_model):
    config, model, _ = tiny_model
    return compiled_gradients(config, model)


def test_absent_modalities_contribute_no_loss_and_no_gradient(gradients, tiny_model):
    config, _, params = tiny_model
    batch, other = tiny.ragged(config), tiny.batch(config, seed=1)
    changed = dict(batch)
    for name, present in batch["present"].items():
        keep = present.reshape(-1, *[1] * (batch[name].ndim - 1))
        changed[name] = np.where(keep, batch[name], other[name])
    found = gradients(params, batch)
    leaves_equal(found, gradients(params, changed), rtol=1e-5, atol=1e-7)
    ((total, _), _), ((whole, _), _) = (
        found,
        gradients(params, batch | {"present": other["present"]}),
    )
    assert total != whole


def test_a_batch_without_pictures_teaches_nothing_about_pictures(gradients, tiny_model):
    config, _, params = tiny_model
    batch = tiny.batch(config)
    batch["present"]["image"][:] = False
    (_, metrics), gradient = gradients(params, batch)
    assert metrics["loss_image"] == (0.0, 0.0)
    assert is_zero([gradient[f"{part}_image"] for part in ("encoders", "decoders", "heads")])
    assert not is_zero(gradient["decoders_caption"])


def test_padding_rows_contribute_nothing_to_training(gradients, tiny_model):
    config, _, params = tiny_model
    batch, other = tiny.batch(config), tiny.batch(config, seed=1)
    batch["mask"][5:] = False
    changed = batch | {
        n: np.concatenate([batch[n][:5], other[n][5:]]) for n in ("image", "caption")
    }
    leaves_equal(gradients(params, batch), gradients(params, changed), rtol=1e-5, atol=1e-7)


def test_the_total_is_the_weighted_sum_of_its_terms(tiny_model):
    _, model, params = tiny_model
    config = tiny.config(loss__subsets__image=0.0, loss__subsets__caption=0.0)
    (total, metrics), _ = compiled_gradients(config, model)(params, tiny.ragged(config))
    weights = config.loss.weights.to_dict() | {"kl": 0.01}
    mean = {name: metrics[f"loss_{name}"][0] / metrics[f"loss_{name}"][1] for name in weights}
    expected = sum(weight * mean[name] for name, weight in weights.items())
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss_total"][0], total)


def test_no_gradient_of_the_prior_leaves_it(tiny_model):
    _, model, params = tiny_model
    config = tiny.config()
    for name in config.loss.weights:
        config.loss.weights[name] = float(name == "prior")
    run = lambda p, b: jax.grad(
        lambda p: elbo.train_losses(model, p, b, jax.random.key(0), config, 0.0)[0]
    )(p)
    gradient = tiny.on_one(functools.partial(run, params))(tiny.batch(config))
    assert not is_zero(gradient["prior"])
    assert is_zero({name: part for name, part in gradient.items() if name != "prior"})


def test_cross_weights_say_what_teaches_a_decoder_that_was_not_shown(tiny_model, monkeypatch):
    config, model, params = tiny_model  # cross.image is 0 and cross.caption 1
    shown = lambda *names: {name: np.full(8, name in names) for name in ("image", "caption")}
    seen = []
    told = lambda keys, *_: {name: jnp.resize(x, len(keys)) for name, x in seen[-1].items()}
    monkeypatch.setattr(elbo, "choose_subsets", told)

    def one(batch):
        seen.append(batch["seen"])
        loss = lambda params: elbo.train_losses(
            model, params, batch, jax.random.key(0), config, 0.01
        )
        return jax.grad(lambda params: loss(params)[0])(params)

    run, batch = tiny.on_one(one), tiny.batch(config)
    caption_only = run(batch | {"seen": shown("caption")})
    assert is_zero(caption_only["decoders_image"])
    image_only = run(batch | {"seen": shown("image")})
    assert not is_zero(image_only["decoders_caption"])
    assert not is_zero(image_only["decoders_image"])


def test_the_error_of_a_flow_that_stands_still():
    """E |z - noise|^2 = mean^2 + variance + 1 a dimension."""
    q = Gaussian(jnp.full((2000, 8), 1.5), jnp.full((2000, 8), np.log(0.25)))
    keys = jax.random.split(jax.random.key(0), 2000)
    still = lambda method, z, *_: jnp.zeros_like(z)
    present = {"a": jnp.ones(2000, bool), "b": jnp.ones(2000, bool)}
    error = jax.jit(functools.partial(elbo.flow_matching, still))({}, q, present, keys)
    np.testing.assert_allclose(error.mean(), 1.5**2 + 0.25 + 1, rtol=0.03)


def test_the_flow_is_told_one_modality_or_nothing():
    present = {"a": jnp.ones(4000, bool), "b": jnp.ones(4000, bool)}
    keys = jax.random.split(jax.random.key(0), 4000)
    known = elbo.choose_conditions(keys, present)
    assert not np.any(known["a"] & known["b"])
    np.testing.assert_allclose([known["a"].mean(), known["b"].mean()], 0.4, atol=0.03)
    only_b = elbo.choose_conditions(keys, present | {"a": jnp.zeros(4000, bool)})
    np.testing.assert_allclose([only_b["a"].mean(), only_b["b"].mean()], [0, 0.8], atol=0.03)


# Evaluation


@pytest.fixture(scope="module")
def evaluate(tiny_model):
    """evaluate(params, batch) -> metrics on one device."""
    config, model, _ = tiny_model
    one = lambda params, batch: elbo.eval_metrics(model, params, batch, jax.random.key(0), config)
    return jax.jit(lambda params, batch: tiny.on_one(functools.partial(one, params))(batch))


def padded(config, rows, seed):
    """A batch of 8 rows of which `rows` are real, the padding drawn from `seed`."""
    batch, other = tiny.batch(config), tiny.batch(config, seed=seed)
    batch["mask"][rows:] = False
    batch["present"]["image"][1] = False
    for name in ("image", "caption"):
        batch[name][rows:] = other[name][rows:]
    return batch


def test_padding_rows_change_no_metric(evaluate, tiny_model):
    config, _, params = tiny_model
    expected = evaluate(params, padded(config, 5, seed=1))
    leaves_equal(expected, evaluate(params, padded(config, 5, seed=2)), rtol=1e-6)
    five = jax.tree.map(lambda x: x[:5], padded(config, 5, seed=1))
    leaves_equal(expected, evaluate(params, five), rtol=1e-4, atol=1e-5)


def test_evaluation_counts_are_exact(evaluate, tiny_model):
    config, _, params = tiny_model
    batch = padded(config, 5, seed=1)
    tokens = lambda rows: (batch["caption"][rows] != 0).sum()
    counts = {name: count for name, (_, count) in evaluate(params, batch).items()}
    assert counts["loss_image"] == counts["image_mse"] == 4
    assert counts["loss_caption"] == counts["caption_accuracy"] == tokens(slice(5))
    assert counts["loss_image_from_caption"] == 4
    assert counts["loss_caption_from_image"] == tokens([0, 2, 3, 4])
    assert counts["loss_kl"] == counts["latent_std"] == counts["loss_prior"] == 5


def test_a_padded_batch_without_rows_counts_nothing(evaluate, tiny_model):
    config, _, params = tiny_model
    metrics = evaluate(params, padded(config, 0, seed=1))
    per_row = {name: metric for name, metric in metrics.items() if name != "loss_alignment"}
    assert is_zero(per_row)


def without(params, *paths):
    """Parameters with the kernels at these paths zero."""
    for first, *rest in paths:
        params = params | {
            first: without(params[first], rest) if rest else jnp.zeros_like(params[first])
        }
    return params


def test_gaps_are_zero_for_decoders_that_ignore_the_latent(evaluate, tiny_model):
    config, _, params = tiny_model
    blind = without(
        params,
        ("decoders_image", "LatentCanvas_0", "expand", "kernel"),
        ("decoders_caption", "prefix", "expand", "kernel"),
    )
    batch = padded(config, 5, seed=1)
    for name in ("image_z_gap", "caption_z_gap"):
        assert evaluate(blind, batch)[name][0] == 0.0
        assert evaluate(params, batch)[name][0] != 0.0


def test_gaps_are_positive_for_a_decoder_that_reads_the_latent():
    config = tiny.config(model__modalities__image__likelihood="gaussian")
    batch, rows = tiny.batch(config), 6
    batch["image"][:] = np.arange(8).reshape(8, 1, 1, 1) * 20
    batch["mask"][rows:] = False
    specs = {"image": config.model.modalities.image}
    z = batch["image"][:, 0, 0] / 127.5 - 1.0
    paint = lambda method, z, teachers: {
        "image": jnp.broadcast_to(z[:, None, None], (8, 16, 16, 1))
    }
    present = {"image": batch["mask"]}
    gaps = elbo.z_gaps(paint, jnp.asarray(z), paint(None, z, None), batch, specs, present)
    total, count = gaps["image_z_gap"]
    steps = np.array([20] * 5 + [100]) / 127.5  # the last real row takes the first one's latent
    np.testing.assert_allclose(total, np.sum(steps**2), rtol=1e-4)
    assert count == rows


def test_a_row_alone_has_no_gap(evaluate, tiny_model):
    config, _, params = tiny_model
    assert evaluate(params, padded(config, 1, seed=1))["image_z_gap"] == (0.0, 0.0)


def test_evaluation_names_every_metric(evaluate, tiny_model):
    config, _, params = tiny_model
    image = {"loss_image", "image_mse", "image_l1"}
    caption = {"loss_caption", "caption_accuracy", "caption_entropy"}
    expected = image | caption | {"image_z_gap", "caption_z_gap"}
    expected |= {f"{name}_from_caption" for name in image}
    expected |= {f"{name}_from_image" for name in caption}
    expected |= {"loss_kl", "loss_prior", "loss_alignment"}
    expected |= {"latent_mean", "latent_std", "latent_norm"}
    expected |= {"_posterior_mean", "_posterior_mean_square", "_posterior_kl"}
    assert set(evaluate(params, tiny.batch(config))) == expected


def test_latent_metrics_by_hand():
    q = Gaussian(jnp.array([[1.0, 3.0], [9.0, 9.0]]), jnp.log(jnp.array([[4.0, 1.0], [1.0, 1.0]])))
    z = jnp.array([[3.0, 4.0], [9.0, 9.0]])
    found = elbo.latent_metrics(q, z, jnp.array([True, False]))
    kl = np.array([0.5 * (4 - 1 - np.log(4) + 1), 4.5])
    expected = {
        "loss_kl": kl.sum(),
        "latent_mean": 2.0,
        "latent_std": 1.5,
        "latent_norm": 5.0,
        "_posterior_mean": [1.0, 3.0],
        "_posterior_mean_square": [1.0, 9.0],
        "_posterior_kl": kl,
    }
    leaves_equal({n: total for n, (total, _) in found.items()}, expected, rtol=1e-5)
    assert {float(count) for _, count in found.values()} == {1.0}
