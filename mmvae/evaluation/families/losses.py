"""Metrics of a whole split through the eval step: exact sums over every pair, once."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from mmvae.data import batches as data
from mmvae.data.modalities import Modality
from mmvae.data.records import Records
from mmvae.evaluation.answers import Answers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import Job
from mmvae.machine import parallel
from mmvae.objectives import validation
from mmvae.objectives.aggregation import Aggregator, derive

# What else the eval step counts, other families measure with intervals.
FORMATS = {
    "loss_*": Format(".4f", "lower"),
    "*_z_gap": Format(".3f", "higher"),
    "label_accuracy*": Format(".1%", "higher"),
}


def evaluate(job: Job) -> dict[str, Estimate]:
    """What training logs as val/..., over the whole split, for the names of this family."""
    session = job.session
    step = parallel.parallel(validation.eval_step(session.model, session.config))
    params = parallel.place(jax.device_get(session.params))
    values = measure(step, params, job.records, session.modalities, session.config)
    return {
        name: Estimate(value, len(job.records))
        for name, value in values.items()
        if any(fnmatch(name, pattern) for pattern in FORMATS)
    }


def of_answers(answers: Answers, resampling: Resampling) -> dict[str, Estimate]:
    """{"loss_caption": nats per token} of a baseline that scores captions, given both sides."""
    values = {}
    for keys, said in answers.captions.items():
        if "" in keys and said.scores is not None:
            log_probability, _, tokens = said.scores
            values["loss_caption"] = resampling.mean(-log_probability, tokens)
    return values


def measure(
    eval_step: Callable,
    params: Any,
    records: Records,
    modalities: Mapping[str, Modality],
    config: ConfigDict,
) -> dict[str, float | Float[np.ndarray, " D"]]:
    """{name: value}, and {name: vector} for those worth a histogram.

    `eval_step` is `validation.eval_step` in `parallel`; `params` [replicated] what to evaluate.
    `loss_total` is the weighted sum of the mean losses, with the KL's final weight.
    """
    sums = Aggregator()
    batches = data.eval_batches(
        records,
        modalities,
        config.eval.batch_size,
        jax.process_index(),
        jax.process_count(),
    )
    for batch in batches:
        sums.add(jax.device_get(eval_step(params, parallel.split(batch))))
    means = sums.result()
    values = derive(means, modalities)
    # A split without captions, say, has no caption loss.
    values["loss_total"] = sum(
        weight * means[f"loss_{term}"]
        for term, weight in config.loss.weights.items()
        if f"loss_{term}" in means
    )
    return values | {"latent_kl_per_dimension": means["_posterior_kl"]}
