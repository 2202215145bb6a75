"""Golden values of the library MultiVae, of losses made of our posteriors and fusions.

Each test checks `Gaussian`, `Mixture` and their fusions; noise is fixed, decoders are affine.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models import gaussian
from mmvae.models.fusion import mixture_of_experts, product_of_experts
from mmvae.models.gaussian import Gaussian
from support.places import shared


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
    noise = golden_noise((*samples, *q.mean.shape))
    return jax.vmap(q.at)(noise) if samples else q.at(noise)


def affine_loss(case, name, z):
    """-log N(x; W z + b, I), summed over features."""
    drawn = z @ case["W"][name].T + case["b"][name][None]
    return -Gaussian(drawn, jnp.zeros_like(drawn)).log_prob(case["x"][name])


def prior_kl(q):
    return q.kl().sum(-1)


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
    """Checks `log_prob` of a mixture, with gradients into its experts and its argument."""
    loss, grads, case = golden("mmvae_2_iwae_looser_normal_K4")

    def objective(leaves):
        experts, total = experts_of(leaves), 0.0
        mixture = mixture_of_experts(experts, masks_of(case))
        for q in experts.values():
            z = fixed_draw(q, (4,))
            weight = gaussian.standard(z.shape).log_prob(z) - jax.vmap(mixture.log_prob)(z)
            losses = lambda z: sum(affine_loss(case, n, z) for n in "ab")
            weight -= jax.vmap(losses)(z)
            total -= jnp.sum(jax.nn.logsumexp(weight, axis=0) - jnp.log(4)) / 2
        return total

    assert_golden(objective, loss, grads, case["leaves"])
