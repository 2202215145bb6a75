"""Metrics of a whole split through the eval step: exact sums over every pair, once."""

import jax

from mmvae.data import batches as data
from mmvae.machine import parallel
from mmvae.objectives.aggregation import Aggregator, derive


def evaluate(eval_step, params, records, modalities, config):
    """{name: float}, and {name: array [D]} for vectors worth a histogram.

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
