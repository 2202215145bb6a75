"""Alignment: of pairs that agree, by hand, of some rows, over devices, over all pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.models.gaussian import Gaussian
from mmvae.objectives.alignment import ALIGNMENTS, align
from support import tiny


def pair_experts(rows=8):
    """Experts of pairs that agree, and parameters whose projections keep their means."""
    mean = jax.random.normal(jax.random.key(0), (rows, 8))
    near = mean + 0.1 * jax.random.normal(jax.random.key(1), mean.shape)
    logvar = jnp.full_like(mean, -1.0)
    return {"image": Gaussian(mean, logvar), "caption": Gaussian(near, logvar)}


def alignment(name, tiny_model, experts, both, devices=1):
    _, model, params = tiny_model
    same = {"kernel": jnp.eye(8), "bias": jnp.zeros(8)}
    bound = model.bind({"params": params | {f"heads_{n}": same for n in model.names}})
    term = lambda experts, both: ALIGNMENTS[name](bound, experts, "caption", "image", both)
    return tiny.on_devices(term, devices)(experts, both).mean()


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_aligned_pairs_score_below_shuffled_ones(name, tiny_model):
    experts, both = pair_experts(), jnp.ones(8, bool)
    shuffled = experts | {"caption": jax.tree.map(lambda x: jnp.roll(x, 1, 0), experts["caption"])}
    aligned = alignment(name, tiny_model, experts, both)
    assert 0 <= aligned < 0.8 * alignment(name, tiny_model, shuffled, both)


@pytest.mark.parametrize("name", ALIGNMENTS)
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


@pytest.mark.parametrize("name", ALIGNMENTS)
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


# Three modalities


def present_of_three():
    """Which of 8 rows have which modality; one row has none."""
    rows = {"caption": [1, 1, 1, 0, 0, 1, 0, 0], "image": [1, 1, 0, 1, 0, 1, 1, 0]}
    rows |= {"label": [1, 0, 1, 1, 1, 1, 1, 0]}
    return {name: jnp.array(shown, bool) for name, shown in rows.items()}


@pytest.mark.parametrize("name", ALIGNMENTS)
@pytest.mark.parametrize("devices", [1, 4])
def test_three_modalities_align_as_the_mean_of_their_pairs(name, devices, labelled_model):
    _, model, params = labelled_model
    experts, present = trio(), present_of_three()
    bound = model.bind({"params": params})

    def every(experts, present):
        pair = lambda a, b: ALIGNMENTS[name](bound, experts, a, b, present[a] & present[b])
        pairs = [pair("caption", "image"), pair("caption", "label"), pair("image", "label")]
        return align(name, bound, experts, present), sum(pairs) / 3

    (found, count), expected = tiny.on_devices(every, devices)(experts, present)
    np.testing.assert_allclose(found.mean(), expected.mean(), rtol=1e-6)
    assert count.sum() == 3 + 3 + 4, "rows that have both, of each pair"
    assert found.mean() > 0


def trio():
    """Experts of three modalities."""
    pair = pair_experts()
    return pair | {"label": jax.tree.map(lambda x: jnp.roll(x, 1, 1), pair["image"])}


def test_one_modality_aligns_with_nothing(tiny_model):
    _, model, params = tiny_model
    experts = {"image": pair_experts()["image"]}
    found = align("siglip", model.bind({"params": params}), experts, {"image": jnp.ones(8, bool)})
    assert found == (0.0, 0.0)
