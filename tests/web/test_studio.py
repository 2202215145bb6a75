"""What the demo is made of, without a server."""

import asyncio

import numpy as np
import pytest

from mmvae.errors import UserError
from mmvae.evaluation.neighbours import thumbnails
from mmvae.inference.session import Session
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.web import limits
from mmvae.web.directions import Directions
from mmvae.web.studio import Studio


@pytest.fixture(scope="module")
def session(sprites_run):
    return Session.load(sprites_run)


@pytest.fixture(scope="module")
def studio(session):
    return Studio(session, None, "about")


def mixture(dim=6, seed=0):
    """An AggregatePosterior of three narrow Gaussians in four directions of six."""
    random = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(random.normal(size=(dim, 4)))
    return AggregatePosterior(
        {
            "mean": random.normal(size=dim),
            "directions": axes,
            "rest": np.full(dim, 0.01),
            "weights": np.array([0.5, 0.3, 0.2]),
            "means": random.normal(size=(3, 4)) * [3, 2, 1, 0.5],
            "factors": np.stack([0.1 * np.eye(4)] * 3),
        }
    )


# Directions


def test_directions_are_the_principal_components_of_samples():
    aggregate = mixture()
    directions = Directions.of(aggregate)
    latents = aggregate.sample(range(4000))
    centred = latents - latents.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    deviations = sizes / np.sqrt(len(latents))
    np.testing.assert_allclose(directions.centre, latents.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(directions.spread, deviations[:4], rtol=0.1)
    alike = np.abs(np.sum(directions.vectors * axes[:4].T, axis=0))
    np.testing.assert_allclose(alike[:2], 1, atol=0.02)
    assert np.all(np.diff(directions.share) <= 0)
    assert directions.share.sum() == pytest.approx(1, abs=0.01)


def test_a_move_changes_its_own_direction_alone():
    directions = Directions.of(mixture())
    latent = np.random.default_rng(1).normal(size=6)
    places = directions.places(latent)
    np.testing.assert_allclose(directions.moved(latent, places), latent, atol=1e-6)
    places[2] += 1.5
    moved = directions.moved(latent, places)
    np.testing.assert_allclose(directions.places(moved), places, atol=1e-5)
    across = moved - latent
    assert np.linalg.norm(across) == pytest.approx(1.5 * directions.spread[2], rel=1e-4)


# Studio


def test_the_same_settings_give_the_same_card(studio):
    one = studio.generate(2, 4, 1.0, "flow")[1]
    (again,) = studio.generate(1, 5, 1.0, "flow")
    np.testing.assert_array_equal(one.image, again.image)
    assert (one.caption, one.agreement, one.seed) == (again.caption, again.agreement, 5)
    assert one.settings["temperature"] == 1.0


def test_agreement_is_the_cosine_of_picture_and_caption(studio, session):
    card = studio.caption_to_image("big red heart", 3, 0, 1.0)[0]
    left = session.project(image=card.image[None])[0]
    right = session.project(caption=["big red heart"])[0]
    assert card.agreement == pytest.approx(float(left @ right), abs=1e-5)


def test_an_interpolation_ends_where_it_was_told(studio):
    cards, gif = studio.interpolate("3", "big red heart", 5)
    np.testing.assert_array_equal(cards[0].image, studio.generate(1, 3, 1.0, "flow")[0].image)
    assert gif.startswith(b"GIF8")


def test_without_training_pairs_nothing_is_compared(studio):
    with pytest.raises(UserError, match="--data DATASET"):
        studio.copying(1, 0, 1.0, "flow")


def test_nearest_training_pairs_are_the_nearest(session):
    from mmvae.web.nearest import Training

    training = Training(session.config.data.dir, session)
    own = training._pairs.images[[4, 9]]
    for image, nearest in zip(own, training.nearest(own), strict=True):
        np.testing.assert_array_equal(nearest[0].image, image)
        assert nearest[0].distance == pytest.approx(0, abs=1e-6)
        apart = thumbnails(image[None])[0] - thumbnails(nearest[2].image[None])[0]
        assert nearest[2].distance == pytest.approx(np.sqrt(np.mean(apart**2)), rel=1e-4)
        assert nearest[0].closer >= nearest[2].closer


# Limits


@pytest.mark.parametrize("value", [None, "3", True, 2.5, -1, 13])
def test_numbers_outside_are_refused(value):
    with pytest.raises(UserError):
        limits.number(value, 1, 12, "the number")


def test_numbers_from_sliders_are_whole():
    assert limits.number(3.0, 1, 12, "the number") == 3


@pytest.mark.parametrize("value", [None, "1", float("nan"), -0.1, 2.1])
def test_temperatures_outside_are_refused(value):
    with pytest.raises(UserError):
        limits.temperature(value)


def test_bodies_are_counted_where_nobody_says_their_size():
    seen, sent = [], []

    async def app(scope, receive, send):
        while True:
            seen.append((await receive())["type"])

    async def receive():
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    async def send(message):
        sent.append(message.get("status"))

    limited = limits.BodyLimit(app, most=100)
    asyncio.run(limited({"type": "http", "headers": []}, receive, send))
    assert seen == ["http.request"]
    for size in (b"101", b"-1", b"many"):
        scope = {"type": "http", "headers": [(b"content-length", size)]}
        asyncio.run(limited(scope, receive, send))
    assert sent == [413, None] * 4
