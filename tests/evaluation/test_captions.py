"""Caption metrics against sacreBLEU, hand-computed cases and bad captions."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from mmvae.evaluation.answers import Scores
from mmvae.evaluation.estimates import Resampling
from mmvae.evaluation.families import captions
from mmvae.evaluation.families.cider import cider_d

TRUE = [
    "a ship at anchor in the bay",
    "two men on a narrow bridge over the river",
    "the old church of the village",
    "a cat sleeping on a chair by the fire",
    "plan of the fortress and the harbour",
]
NEAR = [
    "a ship at anchor in a bay",
    "two men on the bridge over the river",
    "the church of the old village",
    "a cat sleeping by the fire",
    "plan of the fortress",
]
RESAMPLING = Resampling(0)


def values(written, known=(), references=TRUE):
    return {
        name: estimate.value
        for name, estimate in captions.measure(references, written, known, RESAMPLING).items()
    }


def test_bleu_and_chrf_are_sacrebleus():
    found = values(NEAR)
    assert found["caption_bleu4"] == pytest.approx(BLEU().corpus_score(NEAR, [TRUE]).score)
    assert found["caption_chrf"] == pytest.approx(CHRF().corpus_score(NEAR, [TRUE]).score)
    assert 20 < found["caption_bleu4"] < 90


def test_bleu_intervals_are_those_of_sacrebleus_own_bootstrap():
    many, near = TRUE * 20, NEAR * 20
    found = captions.measure(many, near, (), RESAMPLING)["caption_bleu4"]
    theirs = BLEU().corpus_score(near, [many], n_bootstrap=1000)
    low, high = found.interval
    assert (high - low) / 2 == pytest.approx(theirs._ci, rel=0.2)
    assert low < found.value < high


def test_equal_captions_score_fully_and_others_nothing():
    best = values(TRUE)
    assert best["caption_bleu4"] == pytest.approx(100)
    assert best["caption_chrf"] == pytest.approx(100)
    assert best["caption_cider_d"] == pytest.approx(10)
    assert best["caption_rouge_l"] == best["caption_exact_match"] == 1
    worst = values(["xyzzy qwq"] * len(TRUE))
    for name in ("bleu4", "cider_d", "rouge_l", "exact_match"):
        assert worst[f"caption_{name}"] < 1e-6
    assert worst["caption_chrf"] < 5


def test_shuffled_captions_score_badly():
    good, shuffled = values(NEAR), values(NEAR[1:] + NEAR[:1])
    for name in ("bleu4", "chrf", "cider_d", "rouge_l"):
        assert shuffled[f"caption_{name}"] < 0.6 * good[f"caption_{name}"]


def test_captions_of_three_words_can_be_perfect():
    short = ["small red heart", "big blue square"]
    assert values(short, references=short)["caption_bleu4"] == pytest.approx(100)


def test_signatures_name_the_version_and_the_settings():
    found = captions.signatures(TRUE, NEAR)
    assert "nrefs:1" in found["bleu"] and "eff:yes" in found["bleu"] and "version:" in found["bleu"]
    assert "chrF2" in found["chrf"] or "nc:6" in found["chrf"]


def test_rouge_l_reads_every_alphabet():
    texts = ["красный квадрат", "été à la mer"]
    found = captions.measure(texts, texts, [], Resampling(0))
    assert found["caption_rouge_l"].value == 1


def test_rouge_l_of_a_known_case():
    # The longest common subsequence of 4 of 5 and 6 words: F1 = 2 * 4 / (5 + 6).
    found = values(["police kill the gunman in town"], references=["police killed the gunman in"])
    assert found["caption_rouge_l"] == pytest.approx(2 * 4 / 11)


def test_copies_and_distinct_words():
    found = values([TRUE[0], TRUE[0], "a a a", "b", ""], known=TRUE)
    assert found["caption_copied"] == pytest.approx(2 / 5)
    # Words: a ship at anchor in the bay (7, 7 different), twice; a a a; b.
    assert found["caption_distinct_1"] == pytest.approx(8 / 18)
    # Pairs: 6 different ones twice, and (a, a) twice.
    assert found["caption_distinct_2"] == pytest.approx(7 / 14)


def scores(*sums):
    return Scores(*map(np.array, sums))


def test_teacher_forced_sums_are_per_token():
    found = captions.teacher_forced(scores([-2.0, -6.0], [1, 1], [2, 6]), RESAMPLING)
    assert found["caption_accuracy"].value == pytest.approx(2 / 8)
    assert found["caption_perplexity"].value == pytest.approx(np.e)
    log = np.log(50)
    uniform = captions.teacher_forced(scores([-3 * log, -9 * log], [0, 0], [3, 9]), RESAMPLING)
    assert uniform["caption_perplexity"].value == pytest.approx(50)


def test_cider_d_by_hand():
    # Two references without a shared n-gram: every weight is log 2. The written caption has
    # two of the three words and one of the two pairs, and no longer n-gram.
    found = cider_d([["a", "b", "c"], ["d", "e"]], [["a", "b"], ["d", "e"]])
    single, pair = 2 / np.sqrt(3 * 2), 1 / np.sqrt(2 * 1)
    penalty = np.exp(-1 / (2 * 36))
    np.testing.assert_allclose(found, [10 * penalty * (single + pair) / 4, 10 * 2 / 4])


def test_cider_d_gives_nothing_for_common_words_and_for_repeats():
    common = cider_d([["a", "x"], ["a", "y"]], [["a"], ["a"]])
    np.testing.assert_allclose(common, 0)
    references = [["rare", "bird"], ["old", "town"]]
    once, often = (
        cider_d(references, [["rare"], ["old", "town"]])[0],
        cider_d(references, [["rare"] * 6, ["old", "town"]])[0],
    )
    assert often < once


def test_cider_d_is_pycocoevalcaps():
    scorer = pytest.importorskip(
        "pycocoevalcap.cider.cider", reason="pycocoevalcap, the reference of CIDEr-D, is absent"
    )
    references = {i: [text] for i, text in enumerate(TRUE)}
    written = {i: [text] for i, text in enumerate(NEAR)}
    _, theirs = scorer.Cider().compute_score(references, written)
    ours = cider_d([t.split() for t in TRUE], [t.split() for t in NEAR])
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
