"""The questions a user asks of a run; each file answers one with a Verdict."""

from mmvae.reporting.questions import (
    accelerator,
    components,
    latent,
    learning_rate,
    overfitting,
    stability,
    vocabulary,
)
from mmvae.reporting.runs import Run
from mmvae.reporting.verdict import Verdict

# The first five are what every run is asked for.
FIVE = (
    learning_rate.answer,
    components.answer,
    overfitting.answer,
    accelerator.answer,
    vocabulary.answer,
)
QUESTIONS = (*FIVE, latent.answer, stability.answer)


def five(run: Run) -> list[Verdict]:
    """Verdicts of the five questions about a run."""
    return [answer(run) for answer in FIVE]


def every(run: Run) -> list[Verdict]:
    """Verdicts of all questions about a run."""
    return [answer(run) for answer in QUESTIONS]
