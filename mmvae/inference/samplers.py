"""Samplers of latents, by name: functions of a Session, seeds and what is given.

Each takes (session, seeds [N], inputs, present, temperature, guidance) and returns latents
[N, D]; row i depends on its own seed and inputs alone. `temperature` scales the noise.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt32

from mmvae.errors import UserError
from mmvae.inference.fixed_batches import in_batches
from mmvae.inference.latents import sample_flow, sample_posterior

Latents = Float[np.ndarray, "N D"]
Given = Mapping[str, Shaped[np.ndarray, "N ..."]]
Shown = Mapping[str, Bool[np.ndarray, " N"]]
Seeds = UInt32[np.ndarray, " N"]


def flow(
    session: Any, seeds: Seeds, inputs: Given, present: Shown, temperature: float, guidance: float
) -> Latents:
    """The learned prior, given one modality or nothing.

    `guidance`: more is truer to what is given, and less varied; 1 is the prior as learned.

    Raises:
        UserError: several modalities are given.
    """
    if len(_names(present)) > 1:
        raise UserError(
            f"sampler 'flow' is given one modality, not {' and '.join(_names(present))}; "
            "'prior' takes several."
        )
    numbers = np.float32(temperature), np.float32(guidance)
    sample = functools.partial(sample_flow, session.model, session.params, *numbers)
    return in_batches(sample, inputs, present, seeds)


def ancestral(
    session: Any, seeds: Seeds, inputs: Given, present: Shown, temperature: float, guidance: float
) -> Latents:
    """The learned prior led by what a first sample of it writes: halves of a pair agree better.

    Raises:
        UserError: something is given, or the model writes nothing.
    """
    _refuse_given("ancestral", present)
    first = flow(session, seeds, inputs, present, temperature, guidance)
    texts = {name: session.write(name, first)[0] for name in session.written}
    if not texts:
        raise UserError("sampler 'ancestral' needs a modality that is written; use 'flow'.")
    inputs, present = session.inputs(texts, len(seeds))
    return flow(session, seeds, inputs, present, temperature, guidance)


def gmm(
    session: Any, seeds: Seeds, inputs: Given, present: Shown, temperature: float, guidance: float
) -> Latents:
    """The fitted aggregate posterior.

    Raises:
        UserError: something is given, or nothing is fitted to this checkpoint.
    """
    _refuse_given("gmm", present)
    if session.aggregate is None:
        raise UserError(
            "sampler 'gmm' is not fitted for this checkpoint (training fits it to the best "
            "one when it ends); use sampler 'flow'."
        )
    return session.aggregate.sample(seeds, temperature)


def prior(
    session: Any, seeds: Seeds, inputs: Given, present: Shown, temperature: float, guidance: float
) -> Latents:
    """N(0, I), or the posterior of what is given, which may be several modalities."""
    numbers = (np.float32(temperature),)
    sample = functools.partial(sample_posterior, session.model, session.params, *numbers)
    return in_batches(sample, inputs, present, seeds)


def _names(present):
    return [name for name, shown in present.items() if np.any(shown)]


def _refuse_given(sampler, present):
    for name in _names(present):
        raise UserError(f"sampler '{sampler}' makes new pairs only; use 'flow' for a given {name}.")


DEFAULT = "flow"
SAMPLERS: dict[str, Callable] = {
    "flow": flow,
    "ancestral": ancestral,
    "gmm": gmm,
    "prior": prior,
}
