"""Pairs: shapes, rows that are independent, arcs between latents, files."""

import csv

import numpy as np
import pytest
from PIL import Image

from mmvae.errors import UserError
from mmvae.inference import pairs as files
from mmvae.inference.pairs import slerp
from support import sessions, tiny
from support.sessions import CAPTIONS, latents, pictures


def test_a_pair_is_the_same_alone_and_among_others_bit_for_bit(session):
    many = session.generate(20, seed=5)
    for i in (0, 3, 17):
        alone = session.generate(1, seed=5 + i)
        np.testing.assert_array_equal(many.latents[i], alone.latents[0])
        np.testing.assert_array_equal(many.images[i], alone.images[0])
        assert many.captions[i] == alone.captions[0]
        assert many.scores[i] == alone.scores[0]


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
    assert session.sample_images(CAPTIONS).shape == (3, 16, 16, 1)
    written = session.caption(pictures(2))
    assert [type(text) for text in written] == [str, str]


def test_interpolation_includes_both_ends(session):
    start, end = latents(2)
    pairs = session.interpolate(start, end, 5)
    assert len(pairs.captions) == 5
    np.testing.assert_allclose(pairs.latents[[0, -1]], [start, end], rtol=1e-5)


def test_captions_of_unknown_characters_are_refused(session):
    session.check_caption("a small 漢")
    for unknown in ("漢字", "", "   "):
        with pytest.raises(UserError, match="no characters that this run's vocabulary knows"):
            session.check_caption(unknown)


def test_pictures_of_captions_have_seeds_of_their_own(session):
    many = session.sample_images(CAPTIONS, seed=4)
    np.testing.assert_array_equal(session.sample_images(CAPTIONS[2:], seed=6), many[2:])


def test_files_name_the_seed_and_every_modality(labelled, tmp_path):
    pairs = labelled.decode(latents(2))
    files.write(pairs, [7, ""], tmp_path / "out")
    with (tmp_path / "out" / "captions.csv").open(newline="", encoding="utf-8") as file:
        header, first, second = csv.reader(file)
    assert header == ["file", "seed", "caption", "score", "label"]
    labels = pairs.others["label"]
    assert first == ["000007.png", "7", pairs.captions[0], f"{pairs.scores[0]:.4f}", labels[0]]
    assert second[:2] == ["000001.png", ""] and second[-1] == labels[1]
    with Image.open(tmp_path / "out" / "000007.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), pairs.images[0, ..., 0])
    assert (tmp_path / "out" / "contact_sheet.png").exists()


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


def test_a_flows_picture_is_that_of_its_seed_in_any_batch(words):
    flowing = sessions.session(tiny.config(**tiny.FLOW), words)
    many = flowing.generate(18, seed=5)
    np.testing.assert_array_equal(flowing.generate(2, seed=21).images, many.images[16:])
    mean = flowing.decode_images(many.latents)
    assert not np.array_equal(mean, many.images)
    again = flowing.decode(many.latents, seeds=range(5, 23))
    np.testing.assert_array_equal(again.images, many.images)
    drawn = flowing.sample_images(CAPTIONS, seed=4)
    np.testing.assert_array_equal(flowing.sample_images(CAPTIONS[2:], seed=6), drawn[2:])
