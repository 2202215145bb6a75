"""Session: rows are independent; the general verbs over any modalities, and errors."""

import jax
import numpy as np
import pytest

from mmvae.errors import UserError
from mmvae.inference.session import Session
from support.sessions import CAPTIONS, LABELS, latents, pictures

# Encoding


def test_a_posterior_is_the_same_alone_and_among_others_bit_for_bit(session):
    images, captions = pictures(20), (CAPTIONS * 7)[:20]
    many = session.encode(image=images, caption=captions)
    alone = session.encode(image=images[17:18], caption=captions[17:18])
    np.testing.assert_array_equal(many[0][17], alone[0][0])
    np.testing.assert_array_equal(many[1][17], alone[1][0])


def test_encoding_equals_the_model(session):
    ids = session.modalities["caption"].parsed(CAPTIONS)
    model, present = session.model.bind({"params": session.params}), {"caption": np.ones(3, bool)}
    joint = jax.jit(lambda ids: model.infer({"caption": ids}, present))(ids)
    mean, deviation = session.encode(caption=CAPTIONS)
    np.testing.assert_allclose(mean, joint.mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(deviation, np.exp(0.5 * joint.logvar), rtol=1e-4)


def test_more_evidence_narrows_the_posterior(session):
    _, alone = session.encode(image=pictures(3))
    _, both = session.encode(image=pictures(3), caption=CAPTIONS)
    assert np.all(both < alone)
    assert np.all(alone < 1)


def test_projections_are_unit_vectors_of_each_modality(session):
    images, captions = session.project(image=pictures(3)), session.project(caption=CAPTIONS)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, rtol=1e-4)
    assert captions.shape == images.shape == (3, 8)
    assert not np.allclose(images, captions)


def test_answers_are_numpy_arrays(session):
    answers = (*session.encode(image=pictures(2)), session.project(caption=CAPTIONS))
    assert {type(answer) for answer in answers} == {np.ndarray}
    assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}


def test_an_empty_caption_is_an_absent_one(session):
    alone, empty = (session.encode(image=pictures(2), caption=c) for c in (None, ["", ""]))
    np.testing.assert_array_equal(empty, alone)


def test_none_is_absent(session):
    expected = session.encode(image=pictures(2))
    np.testing.assert_array_equal(session.encode(image=pictures(2), caption=None), expected)


def test_rows_that_do_not_match_are_refused(session):
    for wrong in ({"caption": CAPTIONS}, {"image": pictures(2)}):
        with pytest.raises(ValueError, match="each needs the same number"):
            session.sample_latents(range(5), **wrong)
    with pytest.raises(ValueError, match="each needs the same number"):
        session.encode(image=pictures(2), caption=CAPTIONS)
    with pytest.raises(ValueError, match="each needs the same number"):
        session.decode(latents(0))


def test_what_is_no_modality_is_refused(session):
    with pytest.raises(UserError, match="captoin is no modality .* caption, image; did you mean"):
        session.encode(captoin=CAPTIONS)
    with pytest.raises(UserError, match="label is no modality of this model"):
        session.decode_as("label", latents(1))
    with pytest.raises(UserError, match="nothing is given; give one of: caption, image"):
        session.encode(image=None)


def test_a_directory_without_a_config_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        Session.load(tmp_path)


# A third modality


def test_a_label_is_given_and_shown_as_text(labelled):
    mean, deviation = labelled.encode(label=LABELS)
    assert mean.shape == (3, 8) and np.all(deviation < 1)
    np.testing.assert_array_equal(labelled.encode(label=[{"shape": "heart"}])[0][0], mean[1])
    texts = labelled.decode_as("label", latents(16))
    assert all(text.startswith("shape=") and ", size=" in text for text in texts)
    assert len(set(texts)) > 1
    assert labelled.modalities["label"].present(labelled.modalities["label"].parsed(texts)).all()


def test_an_empty_label_is_an_absent_one(labelled):
    alone, empty = (labelled.encode(image=pictures(2), label=c) for c in (None, ["", ""]))
    np.testing.assert_array_equal(empty, alone)


def test_every_further_modality_narrows_the_posterior(labelled):
    given = {"image": pictures(3), "caption": CAPTIONS, "label": LABELS}
    two = {name: given[name] for name in ("image", "caption")}
    assert np.all(labelled.encode(**given)[1] < labelled.encode(**two)[1])


def test_a_label_leads_the_flow_and_has_vectors(labelled):
    free, led = (labelled.sample_latents(range(3), label=given) for given in (None, LABELS))
    assert np.all(np.abs(free - led).max(axis=1) > 1e-4)
    vectors = labelled.project(label=LABELS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-4)


def test_pairs_have_texts_of_the_other_modalities(labelled, session):
    pairs = labelled.decode(latents(3))
    assert pairs.others == {"label": labelled.decode_as("label", latents(3))}
    assert session.decode(latents(1)).others == {}


def test_only_captions_are_written(labelled):
    assert labelled.written == ["caption"]
    with pytest.raises(UserError, match="label is not written token by token"):
        labelled.write("label", latents(1))
