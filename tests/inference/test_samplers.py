"""Samplers of latents: what leads them, what they refuse."""

import numpy as np
import pytest

from mmvae.errors import UserError
from mmvae.inference.latents import FLOW_STEPS, keys_of
from mmvae.inference.session import Session
from mmvae.models import flow
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.models.gaussian import normal
from support.sessions import CAPTIONS, latents, pictures


def test_prior_draws_are_the_posterior(session):
    mean, _ = session.encode(image=pictures(3))
    cold = session.sample_latents(range(3), "prior", 0.0, image=pictures(3))
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


def test_the_flow_is_given_one_modality(session):
    both = {"image": pictures(3), "caption": CAPTIONS}
    with pytest.raises(UserError, match="one modality, not caption and image; 'prior' takes sev"):
        session.sample_latents(range(3), **both)
    session.sample_latents(range(3), sampler="prior", **both)


def test_guidance_goes_from_the_free_draw_through_the_led_one_and_beyond(session):
    free = session.sample_latents(range(3))
    draws = [session.sample_latents(range(3), caption=CAPTIONS, guidance=g) for g in (0, 1, 2)]
    np.testing.assert_allclose(draws[0], free, atol=1e-5)
    inputs, known = session.inputs({"caption": CAPTIONS})

    def velocity(z, t):
        methods = session.model.bind({"params": session.params})
        return methods.velocity(z, t, methods.encode(inputs), known)

    start = normal(keys_of(np.arange(3, dtype=np.uint32)), free.shape[1:])
    led = flow.integrate(velocity, start, FLOW_STEPS)
    np.testing.assert_allclose(draws[1], led, atol=1e-4)
    away = [np.linalg.norm(draw - free, axis=1) for draw in draws]
    assert np.all(away[1] < away[2])


def test_an_unknown_sampler_is_named_with_the_known_ones(session):
    with pytest.raises(UserError, match="choose one of flow, ancestral, gmm, prior"):
        session.generate(1, sampler="flux")


def test_gmm_draws_need_a_fitted_mixture_and_no_evidence(session):
    with pytest.raises(UserError, match="not fitted for this checkpoint"):
        session.generate(1, sampler="gmm")
    with pytest.raises(UserError, match="new pairs only"):
        session.sample_images(CAPTIONS, sampler="gmm")


def test_an_ancestral_draw_is_led_by_the_caption_of_a_free_one(session):
    told, _ = session.decode_captions(session.sample_latents(range(3), temperature=0.9))
    led = session.sample_latents(range(3), caption=told, temperature=0.9, guidance=2.0)
    drawn = session.sample_latents(range(3), sampler="ancestral", temperature=0.9, guidance=2.0)
    np.testing.assert_array_equal(drawn, led)
    with pytest.raises(UserError, match="'ancestral' makes new pairs only"):
        session.sample_images(CAPTIONS, sampler="ancestral")


def test_gmm_draws_follow_the_fitted_latents(session):
    train = 3.0 + latents(500) * np.where(np.arange(8) < 4, 0.1, 1.0)
    fitted = AggregatePosterior.fit(train, train[:100])
    whole = Session(session.config, session.params, session.tokenizer, 1, fitted)
    z = whole.sample_latents(range(2000), sampler="gmm")
    np.testing.assert_allclose(z.mean(axis=0), train.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(z.std(axis=0), train.std(axis=0), rtol=0.15)
    np.testing.assert_array_equal(whole.sample_latents([7], sampler="gmm")[0], z[7])
