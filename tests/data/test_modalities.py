"""Each kind of modality as data: blank, stored, read, shown, timed; and labels' errors."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.stages import vocabulary
from mmvae.data import modalities
from mmvae.data.labels import Label
from mmvae.data.modalities import Caption, Image
from mmvae.data.text import EOS, NUM_SPECIAL, PAD, Tokenizer
from mmvae.errors import UserError
from support import tiny

LABEL = Label((("shape", ("square", "heart")), ("size", ("small", "middle", "big"))))
TEXTS = ["a small red square", "", "a large blue circle"]
KINDS = {"image": Image((4, 6, 3)), "caption": Caption(8, 24), "label": LABEL}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Captions of up to 12 tokens with a tokenizer of their own."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(vocabulary.train(TEXTS * 20, 300))
    tokenizer = Tokenizer(path)
    return Caption(12, tokenizer.vocab_size, tokenizer)


@pytest.mark.parametrize("name", KINDS)
def test_blank_and_random_rows_have_the_shape_and_dtype_of_data(name):
    modality = KINDS[name]
    for rows in (modality.blank(5), modality.random(np.random.default_rng(0), 5)):
        assert rows.shape == (5, *modality.shape)
        assert rows.dtype == modality.dtype


@pytest.mark.parametrize("name", KINDS)
def test_random_rows_are_present_and_repeat_from_their_seed(name):
    make = lambda seed: KINDS[name].random(np.random.default_rng(seed), 5)
    assert KINDS[name].present(make(0)).all()
    np.testing.assert_array_equal(make(0), make(0))
    assert np.any(make(0) != make(1))


def test_blank_captions_and_labels_are_absent():
    assert not KINDS["caption"].present(KINDS["caption"].blank(3)).any()
    assert not LABEL.present(LABEL.blank(3)).any()
    np.testing.assert_array_equal(
        LABEL.present(np.array([[0, 1], [0, 0], [2, 0]])), [True, False, True]
    )


def test_random_captions_are_captions():
    rows = KINDS["caption"].random(np.random.default_rng(0), 50)
    for row in rows:
        end = list(row).index(EOS)
        assert end > 0 and np.all(row[:end] >= NUM_SPECIAL) and np.all(row[:end] < 24)
        assert np.all(row[end + 1 :] == PAD)
    assert len({list(row).index(EOS) for row in rows}) > 2, "of several lengths"


def test_random_labels_use_every_class():
    rows = LABEL.random(np.random.default_rng(0), 200)
    assert [set(column) for column in rows.T] == [{1, 2}, {1, 2, 3}]


# Pictures


def test_pictures_are_given_and_shown_as_they_are():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3), np.uint8)
    np.testing.assert_array_equal(KINDS["image"].shown(KINDS["image"].parsed(pictures)), pictures)


def test_grey_pictures_may_lack_their_last_axis():
    flat = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
    assert Image((4, 6, 1)).parsed(flat).shape == (1, 4, 6, 1)


def test_what_merged_means_give():
    assert KINDS["image"].derived({"loss": 1.0, "mse": 0.25}) == {
        "psnr": pytest.approx(10 * math.log10(16))
    }
    assert KINDS["caption"].derived({"loss": 1.0, "accuracy": 0.5}) == {
        "perplexity": pytest.approx(math.e)
    }
    assert all(modality.derived({}) == {} for modality in KINDS.values())
    assert LABEL.derived({"loss": 1.0, "accuracy": 0.5}) == {}


# Captions


def test_captions_come_back_and_an_empty_one_is_absent(words):
    data = words.parsed(TEXTS)
    assert words.shown(data) == TEXTS
    np.testing.assert_array_equal(words.present(data), [True, False, True])
    stored = SimpleNamespace(caption_ids=[words.tokenizer.pieces(text) for text in TEXTS])
    np.testing.assert_array_equal(words.stored(stored), data)


# Labels


def test_labels_come_back():
    texts = ["shape=heart, size=middle", "shape=square, size=small", "size=big", ""]
    data = LABEL.parsed(texts)
    np.testing.assert_array_equal(data, [[2, 2], [1, 1], [0, 3], [0, 0]])
    assert data.dtype == LABEL.dtype
    assert LABEL.shown(data) == texts
    np.testing.assert_array_equal(LABEL.present(data), [True, True, True, False])


def test_labels_are_read_in_any_order_and_from_dicts():
    values = ["size = big,shape= heart", {"size": "big", "shape": "heart"}, {"shape": None}]
    np.testing.assert_array_equal(LABEL.parsed(values), [[2, 3], [2, 3], [0, 0]])
    assert LABEL.parsed([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "shape=haert",
            "shape=haert is no class of this model; it knows: square, heart; did you mean heart?",
        ),
        ({"size": "huge"}, "size=huge is no class of this model; it knows: small, middle, big."),
        ("shap=heart", "shap is no attribute of this model; it has: shape, size; did you mean"),
        ({"shap": "heart"}, "shap is no attribute of this model"),
        ("colour=red", "colour is no attribute of this model; it has: shape, size."),
        ("heart", "'heart' says no class; write ATTRIBUTE=CLASS, ..."),
    ],
)
def test_a_label_that_there_is_not_is_refused(value, words):
    with pytest.raises(UserError) as error:
        LABEL.parsed(["shape=heart", value])
    assert str(error.value).startswith(words)


def test_stored_labels_are_those_that_the_configuration_names():
    attributes = [{"shape": "heart", "size": "big", "colour": "red"}, {"colour": "blue"}]
    stored = LABEL.stored(SimpleNamespace(attributes=attributes))
    np.testing.assert_array_equal(stored, [[2, 3], [0, 0]])
    with pytest.raises(UserError, match="shape=star is no class"):
        LABEL.stored(SimpleNamespace(attributes=[{"shape": "star"}]))


# All of a run


def test_modalities_of_a_run_follow_its_configuration(words):
    config = tiny.with_label()
    found = modalities.of_run(config, words.tokenizer)
    assert set(found) == {"image", "caption", "label"}
    assert found["image"].shape == (16, 16, 1)
    assert found["caption"] == Caption(8, words.vocab_size, words.tokenizer)
    assert dict(found["label"].classes) == tiny.CLASSES
    assert found["label"].sizes == (2, 2)
    assert modalities.of_run(config, 24)["caption"] == Caption(8, 24)


def test_stored_configurations_give_the_same_labels():
    from mmvae import config as configs

    config = tiny.with_label()
    again = configs.from_json(configs.to_json(config))
    assert tiny.modalities(again) == tiny.modalities(config)
    assert json.loads(configs.to_json(config))["model"]["modalities"]["label"]["kind"] == "label"


@pytest.mark.parametrize("rows", [1, 4])
def test_blank_and_random_batches_are_batches(rows):
    for batch in (
        modalities.blank_batch(KINDS, rows),
        modalities.random_batch(KINDS, np.random.default_rng(0), rows),
    ):
        assert set(batch) == {*KINDS, "present", "mask"}
        assert batch["mask"].shape == (rows,) and batch["mask"].all()
        assert set(batch["present"]) == set(KINDS)
        assert all(shown.shape == (rows,) and shown.all() for shown in batch["present"].values())


def test_sizes_in_words():
    found = [KINDS[name].describe() for name in ("image", "caption", "label")]
    expected = ["4x6x3 pixels", "8 tokens of 24 pieces", "2 attributes of 5 classes"]
    assert found == expected
