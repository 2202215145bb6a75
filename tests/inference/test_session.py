"""Session: rows are independent, writing is what the model says, samplers and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_prep.stages import vocabulary
from mmvae.data.text import BOS, EOS, PAD, UNK, Tokenizer
from mmvae.errors import UserError
from mmvae.inference import decoding
from mmvae.inference import latents as compiled
from mmvae.inference.session import Session, slerp
from mmvae.models import caption, prior
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.models.mmvae import MMVAE
from support import tiny

CAPTIONS = ["a small red square", "a large blue circle", "a dark cross at the left"]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(vocabulary.train(CAPTIONS * 20, 300))
    tokenizer, config = Tokenizer(path), tiny.config()
    params = tiny.params(config, vocabulary=tokenizer.vocab_size, noise=0.2)
    return Session(config, params, tokenizer)


def pictures(rows, seed=0):
    return tiny.batch(tiny.config(), rows, seed)["image"]


def latents(rows, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)


# Rows


def test_a_pair_is_the_same_alone_and_among_others_bit_for_bit(session):
    many = session.generate(20, seed=5)
    for i in (0, 3, 17):
        alone = session.generate(1, seed=5 + i)
        np.testing.assert_array_equal(many.latents[i], alone.latents[0])
        np.testing.assert_array_equal(many.images[i], alone.images[0])
        assert many.captions[i] == alone.captions[0]
        assert many.scores[i] == alone.scores[0]


def test_a_posterior_is_the_same_alone_and_among_others_bit_for_bit(session):
    images, captions = pictures(20), (CAPTIONS * 7)[:20]
    many = session.encode(images, captions)
    alone = session.encode(images[17:18], captions[17:18])
    np.testing.assert_array_equal(many[0][17], alone[0][0])
    np.testing.assert_array_equal(many[1][17], alone[1][0])


def test_a_drawn_caption_depends_on_its_own_seed(session):
    z = np.repeat(latents(1), 18, axis=0)
    captions, _ = session.write(z, seeds=np.arange(18), temperature=1.0)
    again, _ = session.write(z[:2], seeds=np.array([3, 17]), temperature=1.0)
    assert again == [captions[3], captions[17]]
    assert len(set(captions)) > 1


# Shapes


def test_shapes_of_what_comes_out(session):
    mean, deviation = session.encode(image=pictures(3))
    assert mean.shape == deviation.shape == (3, session.latent_dim)
    assert np.all(deviation > 0)
    pairs = session.decode(mean)
    assert pairs.images.shape == (3, 16, 16, 1)
    assert pairs.images.dtype == np.uint8
    assert pairs.scores.shape == (3,)
    assert len(pairs.captions) == 3
    np.testing.assert_array_equal(pairs.latents, mean)


def test_captions_and_pictures_of_each_other(session):
    assert session.draw(CAPTIONS).shape == (3, 16, 16, 1)
    written = session.caption(pictures(2))
    assert [type(text) for text in written] == [str, str]


def test_interpolation_includes_both_ends(session):
    start, end = latents(2)
    pairs = session.interpolate(start, end, 5)
    assert len(pairs.captions) == 5
    np.testing.assert_allclose(pairs.latents[[0, -1]], [start, end], rtol=1e-5)


# Encoding


def test_encoding_equals_the_model(session):
    ids = session.ids(CAPTIONS)
    run = lambda method, *args: session.model.apply(
        {"params": session.params}, *args, method=method
    )
    expert = jax.jit(lambda ids: run(MMVAE.encode, {"caption": ids}))(ids)
    present = {"caption": jnp.ones(3, bool)}
    joint = run(MMVAE.fuse, expert, present)
    mean, deviation = session.encode(caption=CAPTIONS)
    np.testing.assert_allclose(mean, joint.mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(deviation, np.exp(0.5 * joint.logvar), rtol=1e-4)


def test_more_evidence_narrows_the_posterior(session):
    _, alone = session.encode(image=pictures(3))
    _, both = session.encode(pictures(3), CAPTIONS)
    assert np.all(both < alone)
    assert np.all(alone < 1)


def test_projections_are_unit_vectors_of_each_modality(session):
    images, captions = session.project(image=pictures(3)), session.project(caption=CAPTIONS)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, rtol=1e-4)
    assert captions.shape == images.shape == (3, 8)
    assert not np.allclose(images, captions)


# Sampling


def test_prior_draws_are_the_posterior(session):
    mean, _ = session.encode(image=pictures(3))
    cold = session.sample_latents(range(3), pictures(3), sampler="prior", temperature=0.0)
    np.testing.assert_allclose(cold, mean, rtol=1e-5, atol=1e-6)


def test_prior_draws_without_evidence_are_standard_noise(session):
    z = session.sample_latents(np.arange(400), sampler="prior")
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05
    half = session.sample_latents(np.arange(400), sampler="prior", temperature=0.5)
    np.testing.assert_allclose(half, 0.5 * z, rtol=1e-6)


def test_the_flow_listens_to_the_caption(session):
    free = session.sample_latents(range(3))
    led = session.sample_latents(range(3), caption=CAPTIONS)
    assert np.all(np.abs(free - led).max(axis=1) > 1e-4)


def test_the_flow_is_given_one_side(session):
    with pytest.raises(UserError, match="a picture or a caption; 'prior' takes both"):
        session.sample_latents(range(3), pictures(3), CAPTIONS)
    session.sample_latents(range(3), pictures(3), CAPTIONS, sampler="prior")


def test_an_empty_caption_is_an_absent_one(session):
    alone = session.encode(image=pictures(2))
    for found, expected in zip(session.encode(pictures(2), ["", ""]), alone, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_rows_that_do_not_match_are_refused(session):
    for wrong in ({"caption": CAPTIONS}, {"image": pictures(2)}):
        with pytest.raises(ValueError, match="each needs the same number"):
            session.sample_latents(range(5), **wrong)
    with pytest.raises(ValueError, match="each needs the same number"):
        session.encode(pictures(2), CAPTIONS)
    with pytest.raises(ValueError, match="each needs the same number"):
        session.decode(latents(0))


def test_guidance_goes_from_the_free_draw_through_the_led_one_and_beyond(session):
    free = session.sample_latents(range(3))
    draws = [session.sample_latents(range(3), caption=CAPTIONS, guidance=g) for g in (0, 1, 2)]
    np.testing.assert_allclose(draws[0], free, atol=1e-5)
    inputs, known = session._inputs(None, CAPTIONS)

    def velocity(z, t):
        methods = session.model.bind({"params": session.params})
        return methods.velocity(z, t, methods.encode(inputs), known)

    led = prior.integrate(
        velocity, compiled.noise(np.arange(3), free.shape[1]), compiled.FLOW_STEPS
    )
    np.testing.assert_allclose(draws[1], led, atol=1e-4)
    away = [np.linalg.norm(draw - free, axis=1) for draw in draws]
    assert np.all(away[1] < away[2])


def test_an_unknown_sampler_is_named_with_the_known_ones(session):
    with pytest.raises(UserError, match="choose one of flow, ancestral, gmm, prior"):
        session.generate(1, sampler="flux")


def test_beams_with_a_temperature_are_refused(session):
    with pytest.raises(UserError, match="leave the temperature at 0"):
        session.write(latents(1), temperature=1.0, beams=2)


def test_gmm_draws_need_a_fitted_mixture_and_no_evidence(session):
    with pytest.raises(UserError, match="not fitted for this checkpoint"):
        session.generate(1, sampler="gmm")
    with pytest.raises(UserError, match="new pairs only"):
        session.draw(CAPTIONS, sampler="gmm")


def test_an_ancestral_draw_is_led_by_the_caption_of_a_free_one(session):
    told, _ = session.write(session.sample_latents(range(3), temperature=0.9))
    led = session.sample_latents(range(3), caption=told, temperature=0.9, guidance=2.0)
    drawn = session.sample_latents(range(3), sampler="ancestral", temperature=0.9, guidance=2.0)
    np.testing.assert_array_equal(drawn, led)
    with pytest.raises(UserError, match="'ancestral' makes new pairs only"):
        session.draw(CAPTIONS, sampler="ancestral")


def test_gmm_draws_follow_the_fitted_latents(session):
    train = 3.0 + latents(500) * np.where(np.arange(8) < 4, 0.1, 1.0)
    fitted = AggregatePosterior.fit(train, train[:100])
    whole = Session(session.config, session.params, session.tokenizer, 1, fitted)
    z = whole.sample_latents(range(2000), sampler="gmm")
    np.testing.assert_allclose(z.mean(axis=0), train.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(z.std(axis=0), train.std(axis=0), rtol=0.15)
    np.testing.assert_array_equal(whole.sample_latents([7], sampler="gmm")[0], z[7])


def test_captions_of_unknown_characters_are_refused(session):
    session.check_caption("a small 漢")
    for unknown in ("漢字", "", "   "):
        with pytest.raises(UserError, match="no characters that this run's vocabulary knows"):
            session.check_caption(unknown)


def test_a_directory_without_a_config_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        Session.load(tmp_path)


# Writing


def written(session, z, temperature=0.0, top_p=1.0):
    """(ids, scores) as numbers."""
    fixed = session.model, session.shapes["caption"][0]
    if temperature == 0:
        return jax.device_get(decoding.greedy(*fixed, session.params, z))
    seeds = np.arange(len(z), dtype=np.uint32)
    numbers = np.float32(temperature), np.float32(top_p)
    return jax.device_get(decoding.sampled(*fixed, session.params, *numbers, z, seeds))


def searched(session, z, beams):
    """(ids, scores) of beam search as numbers."""
    length = session.shapes["caption"][0]
    run = decoding.beam_search(session.model, length, beams, session.params, z)
    return jax.device_get(run)


def teacher_forced(session, z, ids):
    """Log-probabilities [B, L, V] of the model reading `ids`, PAD and BOS excluded."""
    decode = lambda params, z, inputs: session.model.apply(
        {"params": params}, z, {"caption": inputs}, method=MMVAE.decode
    )
    logits = np.array(jax.jit(decode)(session.params, z, caption.teacher(ids))["caption"])
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
    run = decoding.beam_search(session.model, 2, size, session.params, z)
    found = jax.device_get(run)[1]
    first = teacher_forced(session, z, np.full((4, session.shapes["caption"][0]), UNK))[:, 0]
    best = first[:, EOS].copy()
    for token in np.setdiff1d(np.arange(size), [PAD, BOS, EOS]):
        ids = np.full((4, session.shapes["caption"][0]), UNK)
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
    found = decoding._nucleus(logits, top_p)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(found[0])), kept)
    np.testing.assert_array_equal(found[0, kept], logits[0, kept])


def test_a_whole_nucleus_keeps_everything():
    logits = jax.random.normal(jax.random.key(0), (3, 50))
    np.testing.assert_array_equal(decoding._nucleus(logits, 1.0), logits)


# Arcs


def test_an_arc_keeps_the_length_between_vectors_of_equal_length():
    start, end = np.float32([3.0, 0.0]), np.float32([0.0, 3.0])
    arc = slerp(start, end, 5)
    np.testing.assert_allclose(arc[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 3.0, rtol=1e-5)
    np.testing.assert_allclose(arc[2], np.sqrt([4.5, 4.5]), rtol=1e-5)


def test_an_arc_passes_evenly_from_length_to_length():
    start, end = np.float32([1.0, 0.0]), np.float32([0.0, 3.0])
    np.testing.assert_allclose(np.linalg.norm(slerp(start, end, 3), axis=1), [1, 2, 3], rtol=1e-5)


def test_an_arc_between_parallel_vectors_is_a_line():
    start = np.float32([1.0, 2.0])
    np.testing.assert_allclose(slerp(start, 3 * start, 3), [start, 2 * start, 3 * start], rtol=1e-5)
