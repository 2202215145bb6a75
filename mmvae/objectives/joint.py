"""Objectives with a joint encoder, beside those of single modalities.

Rows that lack a modality count for nothing in what the joint encoder reads.
"""

from mmvae.models.fusion import JOINT, product_of_experts
from mmvae.objectives.rows import Bound, Rows, kl

_JOINT, _ALONE = 10, 20  # streams of samples


def jmvae(rows: Rows) -> Bound:
    """The joint ELBO, with the posteriors of single modalities near the joint one.

    `alpha` counts in units of the KL to the prior. Source: Suzuki et al. 2016 (JMVAE-kl),
    section 3.3.
    """
    q = rows.experts[JOINT]
    divergence = kl(q)
    for name in rows.names:
        divergence += rows.settings.objective.alpha * kl(q, rows.shared[name])
    z = rows.keys.sample(q, _JOINT)
    decoded = rows.decode(z)
    loss = rows.mean(rows.total(decoded) + rows.beta * divergence, rows.complete)
    return Bound(loss, z, decoded)


def telbo(rows: Rows) -> Bound:
    """Three ELBOs (or more): the joint one, and of each modality alone with decoders held.

    The decoders learn from joint latents alone; here all terms train at once. Source: Vedantam
    et al. 2018 (TELBO), section 3.
    """
    q = rows.experts[JOINT]
    z = rows.keys.sample(q, _JOINT)
    decoded = rows.decode(z)
    loss = rows.mean(rows.total(decoded) + rows.beta * kl(q), rows.complete)
    held = rows.model.frozen()
    for place, name in enumerate(rows.names):
        alone = rows.shared[name]
        own = rows.keys.sample(alone, _ALONE + place)
        nll = rows.total(rows.decode(own, (name,), held))
        loss += rows.mean(nll + rows.beta * kl(alone), rows.present[name])
    return Bound(loss, z, decoded)


def cvae(rows: Rows) -> Bound:
    """One modality given the others: their posterior is the prior of the joint one.

    Source: Sohn et al. 2015 (CVAE), section 4, whose decoder also reads the condition; ours
    hears of it through the latent.
    """
    target, q = rows.settings.objective.target, rows.experts[JOINT]
    given = {name: shown & (name != target) for name, shown in rows.present.items()}
    prior = product_of_experts(rows.shared, given)
    z = rows.keys.sample(q, _JOINT)
    decoded = rows.decode(z)
    nll = rows.losses(decoded)[target]
    return Bound(rows.mean(nll + rows.beta * kl(q, prior), rows.complete), z, decoded)
