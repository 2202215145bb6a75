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

# The first five are what every run is asked for.
FIVE = (
    learning_rate.answer,
    components.answer,
    overfitting.answer,
    accelerator.answer,
    vocabulary.answer,
)
QUESTIONS = (*FIVE, latent.answer, stability.answer)


def five(run):
    """Verdicts of the five questions about a Run."""
    return [answer(run) for answer in FIVE]


def every(run):
    """Verdicts of all questions about a Run."""
    return [answer(run) for answer in QUESTIONS]
