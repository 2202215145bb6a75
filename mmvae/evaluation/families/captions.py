"""How close written captions come to the true ones, how varied they are, and how new.

One reference for each caption, as prepared data sets have it. BLEU and chrF are sacreBLEU's
(Post 2018), ROUGE-L is rouge-score's (F1), CIDEr-D is in `cider.py`.
"""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from mmvae.evaluation.answers import Answers, ModelAnswers, Scores, under
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.families.cider import cider_d
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split

FORMATS = {
    "caption_bleu4*": Format(".1f", "higher"),
    "caption_chrf*": Format(".1f", "higher"),
    "caption_cider_d*": Format(".3f", "higher"),
    "caption_rouge_l*": Format(".3f", "higher"),
    "caption_exact_match*": Format(".1%", "higher"),
    "caption_copied*": Format(".1%"),
    "caption_distinct_*": Format(".3f"),
    "caption_accuracy*": Format(".1%", "higher"),
    "caption_perplexity*": Format(".3f", "lower"),
}
_WORD = re.compile(r"\w+")


def evaluate(job: Job) -> dict[str, Estimate]:
    """Of the model's captions, given both sides and the picture alone."""
    values = of_answers(job.answers, job.test, job.train, job.resampling)
    written = next(iter(job.answers.captions.values())).written
    job.details["sacrebleu"] = signatures(job.test.captions, written)
    return values


def of_answers(
    answers: Answers | ModelAnswers, test: Split, train: Split, resampling: Resampling
) -> dict[str, Estimate]:
    """Of every caption that is written or scored; what was given ends a name."""
    values = {}
    for keys, said in answers.captions.items():
        if said.written is not None:
            measured = measure(test.captions, said.written, train.captions, resampling)
            values |= under(keys, measured)
        if said.scores is not None:
            values |= under(keys, teacher_forced(said.scores, resampling))
    return values


def measure(
    references: Sequence[str],
    written: Sequence[str],
    known: Sequence[str],
    resampling: Resampling,
) -> dict[str, Estimate]:
    """{"caption_bleu4", "caption_chrf", ...: Estimate} of N captions.

    `known` are the training captions: `caption_copied` is the share that repeats one of them
    word for word, which says little where true captions repeat too. BLEU and chrF are from 0
    to 100, CIDEr-D from 0 to 10, the others from 0 to 1.
    """
    known = set(known)
    pairs = list(zip(references, written, strict=True))
    rouge = RougeScorer(["rougeL"], tokenizer=_Words())
    texts = [words(text) for text in written]
    return {
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


def teacher_forced(scores: Scores, resampling: Resampling) -> dict[str, Estimate]:
    """{"caption_accuracy", "caption_perplexity": Estimate} per token, padding left out."""
    perplexity = resampling.mean(-np.asarray(scores.log_probability), scores.tokens, np.exp)
    return {
        "caption_accuracy": resampling.mean(scores.hits, scores.tokens),
        "caption_perplexity": perplexity,
    }


def signatures(references: Sequence[str], written: Sequence[str]) -> dict[str, str]:
    """sacreBLEU's signatures {"bleu", "chrf"}, which say how a score was computed."""
    texts = {}
    for name, metric in (("bleu", _bleu()), ("chrf", CHRF())):
        metric.corpus_score(written, [references])
        texts[name] = str(metric.get_signature())
    return texts


def words(text: str) -> list[str]:
    """Words of a text in lower case, punctuation left out."""
    return _WORD.findall(text.lower())


class _Words:
    """rouge-score's own tokenizer knows no letters but a to z."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def distinct(texts: Sequence[Sequence[str]], order: int) -> Estimate:
    """Different n-grams over all n-grams of texts, lists of words (Li et al. 2016).

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
