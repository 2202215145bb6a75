"""Captions to ids and back, with a vocabulary trained here."""

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from data_prep.stages.vocabulary import train
from mmvae.data.text import BOS, EOS, NUM_SPECIAL, PAD, UNK, Tokenizer, pad_ids, verdict
from mmvae.errors import UserError

CAPTIONS = ["a small ship", "a big ship at sea", "two ships at anchor", "the old mill by the sea"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "tokenizer.model"
    path.write_bytes(train(CAPTIONS * 5, 400))
    return Tokenizer(path)


def test_captions_come_back(tokenizer):
    ids = tokenizer.encode(CAPTIONS, 32)
    assert ids.shape == (4, 32) and ids.dtype == np.int32
    assert tokenizer.decode(ids) == CAPTIONS


LETTERS = st.characters(codec="utf-8", exclude_categories=("Z", "C"), exclude_characters="▁")


@given(st.text(LETTERS, max_size=12))
def test_any_text_comes_back_spelled_in_bytes(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode([text], 80)) == [text]


def test_ids_end_once_and_are_cut_to_fit(tokenizer):
    (whole,) = tokenizer.encode(["a big ship at sea"], 32)
    length = int(np.flatnonzero(whole == EOS)[0]) + 1
    assert np.all(whole[length:] == PAD)
    (cut,) = tokenizer.encode(["a big ship at sea"], 3)
    assert cut.tolist() == [*whole[:2], EOS]


def test_no_caption_is_all_padding(tokenizer):
    assert not tokenizer.encode([""], 5).any()
    assert tokenizer.decode(np.zeros((1, 5), int)) == [""]


def test_decoding_stops_at_the_first_end(tokenizer):
    (ids,) = tokenizer.encode(["a small ship"], 20)
    again = np.concatenate([ids, ids])[None]
    assert tokenizer.decode(again) == ["a small ship"]


def test_what_is_learnt_is_known_and_other_alphabets_are_not(tokenizer):
    assert tokenizer.knows("ship") and not tokenizer.knows("漢字") and not tokenizer.knows("  ")
    pieces = tokenizer.pieces("漢")
    assert any(tokenizer.is_fallback(piece) for piece in pieces)
    assert tokenizer.is_fallback(UNK) and not tokenizer.is_fallback(tokenizer.pieces("ship")[0])


def test_text_within_a_line_begins_no_word(tokenizer):
    assert tokenizer.spelling(tokenizer.pieces("ship")[0]).startswith("▁")
    assert not tokenizer.spelling(tokenizer.pieces_within("ship")[0]).startswith("▁")


def test_rows_of_ids_are_padded():
    ids = pad_ids([[7, 8, 9], [], [5]], 3)
    assert ids.tolist() == [[7, 8, EOS], [PAD, PAD, PAD], [5, EOS, PAD]]
    assert 1 + max(PAD, UNK, BOS, EOS) == NUM_SPECIAL


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="not a readable SentencePiece model"):
        Tokenizer(tmp_path / "nowhere.model")
    (tmp_path / "text.model").write_text("hello")
    with pytest.raises(UserError, match="not a readable SentencePiece model"):
        Tokenizer(tmp_path / "text.model")
    moved = tmp_path / "moved.model"
    with moved.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CAPTIONS),
            model_writer=file,
            vocab_size=30,
            hard_vocab_limit=False,
            pad_id=3,
            bos_id=2,
            unk_id=1,
            eos_id=0,
            minloglevel=2,
        )
    with pytest.raises(UserError, match=r"ids \(3, 1, 2, 0\); expected \(0, 1, 2, 3\)"):
        Tokenizer(moved)


VOCABULARY = {
    "size": 900,
    "requested": 4000,
    "coverage": 0.98,
    "measured_on": "val",
    "caption_length": 12,
    "truncated": 0.2,
}


def test_a_vocabulary_is_judged_in_words():
    words = verdict(VOCABULARY)
    assert "900 pieces: small" in words and "4,000 were asked for" in words
    assert "20.0% of captions are longer than 12 pieces" in words
    assert words.endswith("raise the caption length.")
    good = verdict(VOCABULARY | {"size": 4000, "truncated": 0.0})
    assert "4,000 pieces: good" in good and "asked for" not in good and "raise" not in good
