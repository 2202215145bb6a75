"""The project's own objective: a weighted ELBO of random subsets, one block per term."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from mmvae.models.mmvae import MMVAE
from mmvae.objectives.alignment import align
from mmvae.objectives.metrics import latent_metrics, reconstruction_metrics
from mmvae.objectives.prior import flow_matching
from mmvae.objectives.subsets import choose_subsets
from mmvae.objectives.terms import (
    Batch,
    Keys,
    Metrics,
    Settings,
    global_mean,
    inputs_of,
    kl_term,
    measured_rows,
    present_in,
    weighted,
)


def elbo(
    model: MMVAE, batch: Batch, keys: Keys, settings: Settings
) -> tuple[Float[Array, ""], Metrics]:
    """(total to differentiate, metrics) of a batch, of a bound model.

    Every row shows the model a random subset of its modalities. Each term counts the rows that
    have what it is of. Reconstruction metrics count the rows that show all they have, so that
    they compare with evaluation; where batches have a share of pairs, metrics count pairs alone.
    """
    inputs, present, mask = inputs_of(batch), present_in(batch), batch["mask"]
    measured = measured_rows(present, mask, settings)
    seen = choose_subsets(keys(0), present, settings.loss.subsets)
    experts = model.encode(inputs, keys(5))

    # 1. Posterior q(z | x_S) of the shown subset S, one sample, every modality decoded from it.
    posterior = model.fuse(experts, seen)
    z = posterior.sample(keys(1))
    decoded = model.reconstruct(z, inputs, keys(2), train=True)

    # 2. Reconstruction: -log p(x_m | z) of what S shows; of the others with weight cross_m.
    terms = {}
    for name, (loss, units, _) in decoded.items():
        weight = present[name] * jnp.where(seen[name], 1.0, settings.loss.cross[name])
        terms[name] = global_mean(weight * loss, weight * units)
    shows_all = jnp.all(jnp.stack([seen[name] == present[name] for name in inputs]), axis=0)
    counted = {name: shown & shows_all & measured for name, shown in present.items()}
    metrics = reconstruction_metrics(decoded, counted)

    # 3. KL(q(z | x_S) || N(0, I)), with free bits.
    terms["kl"] = kl_term(posterior, mask, settings.loss.free_bits, keys(4))

    # 4. Alignment of the unimodal posteriors of rows that have both of a pair.
    terms["alignment"], _ = align(settings.loss.alignment, model, experts, present)

    # 5. Learned prior, which no gradient leaves.
    full = model.fuse(experts, present)
    flow = flow_matching(model, experts, full, present, keys(3))
    terms["prior"] = global_mean(measured * flow, measured)

    total = weighted(terms, settings)
    metrics |= latent_metrics(full, z, measured)
    metrics |= {f"loss_{name}": (terms[name], 1.0) for name in ("alignment", "prior")}
    return total, metrics | {"loss_total": (total, 1.0)}
