"""Writing: greedy, sampled and by beams, it is what the model says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mmvae.data.text import BOS, EOS, PAD, UNK
from mmvae.errors import UserError
from mmvae.inference import decoding
from mmvae.models import autoregressive, caption
from support.sessions import latents


def test_a_drawn_caption_depends_on_its_own_seed(session):
    z = np.repeat(latents(1), 18, axis=0)
    captions, _ = session.decode_captions(z, seeds=np.arange(18), temperature=1.0)
    again, _ = session.decode_captions(z[:2], seeds=np.array([3, 17]), temperature=1.0)
    assert again == [captions[3], captions[17]]
    assert len(set(captions)) > 1


def written(session, z, temperature=0.0, top_p=1.0):
    """(ids, scores) as numbers."""
    fixed = session.model, "caption"
    if temperature == 0:
        return jax.device_get(decoding.greedy(*fixed, session.params, z))
    seeds = np.arange(len(z), dtype=np.uint32)
    numbers = np.float32(temperature), np.float32(top_p)
    return jax.device_get(decoding.sampled(*fixed, session.params, *numbers, z, seeds))


def searched(session, z, beams):
    """(ids, scores) of beam search as numbers."""
    run = decoding.beam_search(session.model, "caption", beams, session.params, z)
    return jax.device_get(run)


def teacher_forced(session, z, ids):
    """Log-probabilities [B, L, V] of the model reading `ids`, PAD and BOS excluded."""
    read = lambda model, z, ids: model.decoders["caption"](z, caption.teacher(ids))
    run = jax.jit(functools.partial(session.model.apply, method=read))
    logits = np.array(run({"params": session.params}, z, ids))
    logits[:, :, [PAD, BOS]] = -np.inf
    return np.array(jax.nn.log_softmax(logits))


def test_greedy_writing_takes_the_likeliest_token_of_its_own_beginning(session):
    z = latents(16)
    ids, scores = written(session, z)
    likely = teacher_forced(session, z, ids)
    real = ids != PAD
    np.testing.assert_array_equal(np.where(real, likely.argmax(-1), PAD), ids)
    assert len(np.unique(ids)) > 3
    chosen = np.take_along_axis(likely, ids[..., None], axis=-1)[..., 0]
    mean = np.where(real, chosen, 0).sum(1) / real.sum(1)
    np.testing.assert_allclose(scores, mean, rtol=1e-3)


def test_nothing_is_written_after_the_end(session):
    ids, _ = written(session, latents(800), temperature=100.0)
    ended = np.cumsum(ids == EOS, axis=1) - (ids == EOS) > 0
    assert np.any(ended)
    assert np.all(ids[ended] == PAD)
    assert np.all(ids[~ended] != PAD)
    assert not np.any(ids == BOS)


def test_one_beam_is_greedy(session):
    z = latents(16)
    (ids, scores), (same, others) = written(session, z), searched(session, z, 1)
    np.testing.assert_array_equal(same, ids)
    np.testing.assert_allclose(others, scores, rtol=1e-5)


def test_beam_scores_are_what_the_model_says_of_the_caption(session):
    z = latents(16)
    ids, scores = searched(session, z, 4)
    likely = teacher_forced(session, z, ids)
    chosen = np.take_along_axis(likely, ids[..., None], axis=-1)[..., 0]
    real = ids != PAD
    np.testing.assert_allclose(scores, np.where(real, chosen, 0).sum(1) / real.sum(1), rtol=1e-3)


def test_a_beam_of_every_token_finds_the_best_caption_of_two_tokens(session):
    z, size = latents(4), session.tokenizer.vocab_size
    short = session.model.bind({"params": session.params}).writer("caption")._replace(length=2)
    _, found = jax.jit(lambda z: autoregressive.beam_search(short, size, z))(z)
    nothing = np.full((4, session.modalities["caption"].length), UNK)
    first = teacher_forced(session, z, nothing)[:, 0]
    best = first[:, EOS].copy()
    for token in np.setdiff1d(np.arange(size), [PAD, BOS, EOS]):
        ids = nothing.copy()
        ids[:, 0] = token
        second = teacher_forced(session, z, ids)[:, 1]
        best = np.maximum(best, (first[:, token] + second.max(axis=1)) / 2)
    np.testing.assert_allclose(found, best, rtol=1e-3)


def test_a_tiny_nucleus_is_greedy(session):
    z = latents(16)
    np.testing.assert_array_equal(written(session, z, 1.0, top_p=1e-6)[0], written(session, z)[0])


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.0, [1]), (0.5, [1]), (0.51, [1, 3]), (0.8, [1, 3]), (0.81, [0, 1, 3])]
)
def test_the_nucleus_is_the_smallest_set_of_its_probability(top_p, kept):
    logits = jnp.log(jnp.array([[0.15, 0.5, 0.05, 0.3]]))
    found = autoregressive._nucleus(logits, top_p)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(found[0])), kept)
    np.testing.assert_array_equal(found[0, kept], logits[0, kept])


def test_a_whole_nucleus_keeps_everything():
    logits = jax.random.normal(jax.random.key(0), (3, 50))
    np.testing.assert_array_equal(autoregressive._nucleus(logits, 1.0), logits)


def test_beams_with_a_temperature_are_refused(session):
    with pytest.raises(UserError, match="leave the temperature at 0"):
        session.decode_captions(latents(1), temperature=1.0, beams=2)
