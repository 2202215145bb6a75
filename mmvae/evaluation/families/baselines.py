"""Trivial models beside the model, each measured by the families that measure the model."""

from mmvae.evaluation.answers import Answers
from mmvae.evaluation.baselines import BASELINES, Question
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.families import (
    alignment,
    captions,
    coherence,
    losses,
    memorisation,
    reconstruction,
)
from mmvae.evaluation.job import Job
from mmvae.evaluation.split import Split

FORMATS = {}  # it has the other families' metrics


def evaluate(job: Job) -> dict[str, Estimate]:
    """No number of the model: puts those of every baseline beside it."""
    question = Question(
        job.test,
        job.train,
        job.session.latent_dim,
        job.session.modalities["caption"].vocab_size,
        job.settings.num,
        job.settings.seed,
    )
    for name, answer in BASELINES.items():
        job.beside(name, measure(answer(question), job.test, job.train, job.resampling))
    return {}


def measure(
    answers: Answers, test: Split, train: Split, resampling: Resampling
) -> dict[str, Estimate]:
    """Everything that a baseline's answers can be measured by."""
    return (
        captions.of_answers(answers, test, train, resampling)
        | losses.of_answers(answers, resampling)
        | reconstruction.of_answers(answers, test, resampling)
        | memorisation.of_answers(answers, test, train, resampling)
        | alignment.of_answers(answers, test, resampling)
        | coherence.of_answers(answers, test, resampling)
    )
