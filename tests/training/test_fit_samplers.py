"""Samplers fitted after training: the flow improves on still latents, and all comes back."""

import jax
import numpy as np
import pytest

from mmvae.data import records
from mmvae.data.text import Tokenizer
from mmvae.inference.session import Session
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.runs.samplers import Samplers
from mmvae.training import fit_samplers
from support import tiny


@pytest.fixture(scope="module")
def session(sprites_dataset):
    """An untrained model on sprites, whose prior has 300 steps."""
    settings = {
        "data__dir": str(sprites_dataset),
        "data__image_size": 32,
        "data__channels": 3,
        "samplers__prior_steps": 300,
        "train__ema_decay": 0.9,
    }
    config, tokenizer = tiny.config(**settings), Tokenizer(sprites_dataset / "tokenizer.model")
    params = tiny.params(config, vocabulary=tokenizer.vocab_size, noise=0.2)
    return Session(config, params, tokenizer)


@pytest.fixture(scope="module")
def latents(session, sprites_dataset):
    return fit_samplers.posteriors(session, records.read(sprites_dataset, "train"))


def test_posteriors_are_those_of_the_session(session, latents, sprites_dataset):
    stored = records.read(sprites_dataset, "train")
    experts, joint, present = latents
    assert len(joint.mean) == len(stored)
    assert all(np.all(shown) for shown in present.values())
    from_captions = session.encode(caption=stored.captions)[0]
    np.testing.assert_allclose(
        experts["caption"].mean / (1 + np.exp(experts["caption"].logvar)), from_captions, atol=1e-4
    )


def test_the_flow_learns_the_latents_and_nothing_else_changes(session, latents):
    before = jax.device_get(session.params)
    prior, loss = fit_samplers.fit_prior(session, latents)
    jax.tree.map(np.testing.assert_array_equal, before, jax.device_get(session.params))
    fitted = Session(session.config, session.params | {"prior": prior}, session.tokenizer)
    spread = latents[1].mean.std(axis=0)
    far = lambda s: np.abs(s.sample_latents(range(200)).mean(axis=0) - latents[1].mean.mean(axis=0))
    assert np.mean(far(fitted)) < 0.5 * np.mean(far(session))
    assert np.isfinite(loss)
    assert np.all(spread > 0)


def test_samplers_come_back_from_their_file(session, latents, tmp_path):
    aggregate = AggregatePosterior.fit(latents[1].mean, latents[1].mean)
    Samplers(7, aggregate, jax.device_get(session.params["prior"])).save(tmp_path)
    loaded = Samplers.load(tmp_path)
    assert loaded.step == 7
    np.testing.assert_array_equal(loaded.aggregate.sample(range(5)), aggregate.sample(range(5)))
    jax.tree.map(np.testing.assert_array_equal, loaded.prior, dict(session.params["prior"]))


def test_a_run_may_have_no_samplers(tmp_path):
    assert Samplers.load(tmp_path) is None
