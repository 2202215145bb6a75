"""How close written captions come to the true ones, how varied they are, and how new.

One reference for each caption, as prepared data sets have it. BLEU and chrF are sacreBLEU's
(Post 2018), ROUGE-L is rouge-score's (F1), CIDEr-D is in `cider.py`.
"""

import re
from itertools import chain

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from mmvae.evaluation.estimates import Estimate
from mmvae.evaluation.families.cider import cider_d

_WORD = re.compile(r"\w+")


def measure(references, written, known, resampling, suffix=""):
    """{"caption_bleu4", "caption_chrf", ... + suffix: Estimate} of N captions (str).

    `known` are the training captions: `caption_copied` is the share that repeats one of them
    word for word, which says little where true captions repeat too. BLEU and chrF are from 0
    to 100, CIDEr-D from 0 to 10, the others from 0 to 1.
    """
    known = set(known)
    pairs = list(zip(references, written, strict=True))
    rouge = RougeScorer(["rougeL"], tokenizer=_Words())
    texts = [words(text) for text in written]
    values = {
        "caption_bleu4": _sacrebleu(_bleu(), references, written, resampling),
        "caption_chrf": _sacrebleu(CHRF(), references, written, resampling),
        "caption_cider_d": resampling.mean(cider_d([words(text) for text in references], texts)),
        "caption_rouge_l": resampling.mean(
            [rouge.score(*pair)["rougeL"].fmeasure for pair in pairs]
        ),
        "caption_exact_match": resampling.mean([a == b for a, b in pairs]),
        "caption_copied": resampling.mean([text in known for text in written]),
        "caption_distinct_1": distinct(texts, 1),
        "caption_distinct_2": distinct(texts, 2),
    }
    return {name + suffix: value for name, value in values.items()}


def teacher_forced(log_probabilities, hits, tokens, resampling, suffix=""):
    """{"caption_accuracy", "caption_perplexity" + suffix: Estimate} per token, padding left out.

    Sums of each caption [N]: log-probabilities of its tokens in nats, tokens that were the
    likeliest, and tokens (the end counts as one).
    """
    perplexity = resampling.mean(-np.asarray(log_probabilities), tokens, np.exp)
    values = {
        "caption_accuracy": resampling.mean(hits, tokens),
        "caption_perplexity": perplexity,
    }
    return {name + suffix: value for name, value in values.items()}


def signatures(references, written):
    """sacreBLEU's signatures {"bleu", "chrf"}, which say how a score was computed."""
    found = {}
    for name, metric in (("bleu", _bleu()), ("chrf", CHRF())):
        metric.corpus_score(written, [references])
        found[name] = str(metric.get_signature())
    return found


def words(text):
    """Words of a text in lower case, punctuation left out."""
    return _WORD.findall(text.lower())


class _Words:
    """rouge-score's own tokenizer knows no letters but a to z."""

    def tokenize(self, text):
        return words(text)


def distinct(texts, order):
    """Different n-grams over all n-grams of texts, lists of words (Li et al. 2016): Estimate.

    It has no interval: resampling repeats texts, and what is repeated is not distinct.
    """
    grams = [list(zip(*(text[i:] for i in range(order)))) for text in texts]
    every = list(chain.from_iterable(grams))
    return Estimate(len(set(every)) / max(1, len(every)), len(texts))


def _bleu():
    # Effective order: captions of three words have no 4-grams, and would all score 0.
    return BLEU(effective_order=True)


def _sacrebleu(metric, references, written, resampling):
    """Corpus score; its statistics add up over captions, so resampling costs next to nothing."""
    statistics = np.array(metric._extract_corpus_statistics(list(written), [list(references)]))
    score = lambda weights: metric._compute_score_from_stats(list(weights @ statistics)).score
    return resampling.statistic(score, len(written))
