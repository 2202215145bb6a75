"""The losses, one block per term.

Every term is a sum over this device's rows divided by a count over all devices, so that
the mean of the devices' gradients is the gradient of the whole batch's loss. Noise is keyed
by a row's place in the whole batch, so the number of devices changes nothing.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax

from mmvae.models import gaussian
from mmvae.models.mmvae import MODALITIES, MMVAE
from mmvae.models.prior import flow_path
from mmvae.parallel import AXIS


@struct.dataclass
class Losses:
    """Loss terms (scalars, this device's share) and per-row metrics.

    Attributes:
        total: weighted sum that is differentiated.
        terms: {"image", "caption", ..., "kl", "alignment", "prior"}: unweighted scalars.
        metrics: {name: (sum, count)} over this device's rows.
    """

    total: jax.Array
    terms: dict
    metrics: dict


def evaluate_losses(model, params, batch, key, config, kl_weight, train):
    """Losses of a batch {"image", "caption", "present", "mask"}; `key` is the step's key.

    With `train`, every row shows the encoders' fusion a random subset of its modalities.
    """
    specs = config.model.modalities
    bound = lambda method, *args: model.apply({"params": params}, *args, method=method)
    rows = lax.axis_index(AXIS) * len(batch["mask"]) + jnp.arange(len(batch["mask"]))
    keys = lambda stream: jax.vmap(jax.random.fold_in, (None, 0))(
        jax.random.fold_in(key, stream), rows
    )
    inputs = {name: batch[name] for name in specs}
    present = {name: batch["present"][name] & batch["mask"] for name in specs}
    seen = choose_subsets(keys(0), present, config.loss.joint_fraction) if train else present

    # 1. Posterior q(z | x_S) of the seen subset S, and one draw of it.
    experts = bound(MMVAE.encode, inputs)
    posterior = bound(MMVAE.fuse, experts, seen)
    z = draw(posterior, keys(1))

    # 2. Reconstruction: -log p(x_m | z) of every modality m that S shows, and of the others
    #    with weight cross_m.
    streams = {name: keys(2) if train else None for name in specs}
    teacher = {n: MODALITIES[s.kind].teacher(batch[n], streams[n], s) for n, s in specs.items()}
    outputs = bound(MMVAE.decode, z, teacher)
    terms, metrics = {}, {}
    for name, spec in specs.items():
        loss, units = MODALITIES[spec.kind].negative_log_likelihood(
            outputs[name], batch[name], spec
        )
        weight = present[name] * jnp.where(seen[name], 1.0, config.loss.cross[name])
        terms[name] = global_mean(weight * loss, weight * units)
        metrics[f"loss_{name}"] = (present[name] * loss, present[name] * units)
        for metric, (total, count) in MODALITIES[spec.kind].metrics(
            outputs[name], batch[name]
        ).items():
            metrics[f"{name}_{metric}"] = (present[name] * total, present[name] * count)

    # 3. KL(q(z | x_S) || N(0, I)) with free bits: a dimension is left alone while its mean
    #    stays below `free_bits` nats (Kingma et al. 2016, section 4).
    divergence = gaussian.kl(posterior, gaussian.standard(posterior.mean.shape))
    mask = batch["mask"].astype(jnp.float32)
    per_dimension = global_mean(mask[:, None] * divergence, mask, axis=0)
    costly = lax.pmean(lax.stop_gradient(per_dimension), AXIS) > config.loss.free_bits
    terms["kl"] = jnp.sum(jnp.where(costly, per_dimension, config.loss.free_bits))
    metrics["loss_kl"] = (mask * jnp.sum(divergence, axis=-1), mask)

    # 4. Alignment of the unimodal posteriors.
    both = mask
    for shown in present.values():
        both = both * shown
    terms["alignment"] = ALIGNMENTS[config.loss.alignment](bound, experts, both)
    metrics["loss_alignment"] = (terms["alignment"][None], jnp.ones(1))

    # 5. Learned prior: flow matching to draws of the full posterior, given a random subset of
    #    the unimodal means (Lipman et al. 2023, equation 23). No gradient reaches the encoders.
    full = lax.stop_gradient(bound(MMVAE.fuse, experts, present))
    flow = flow_matching(bound, lax.stop_gradient(experts), full, present, keys(3))
    terms["prior"] = global_mean(mask * flow, mask)
    metrics["loss_prior"] = (mask * flow, mask)

    weights = dict(config.loss.weights) | {"kl": kl_weight}
    total = sum(weights[name] * term for name, term in terms.items())
    metrics["loss_total"] = (total[None], jnp.ones(1))
    metrics |= latent_metrics(full, z, mask)
    metrics = {name: (jnp.sum(t, axis=0), jnp.sum(c, axis=0)) for name, (t, c) in metrics.items()}
    return Losses(total, terms, metrics)


def global_mean(totals, counts, axis=None):
    """This device's share of sum(totals) / sum(counts): its mean over devices is the mean."""
    count = lax.pmean(lax.stop_gradient(jnp.sum(counts)), AXIS)
    return jnp.sum(totals, axis=axis) / jnp.maximum(count, 1e-6)


def draw(q, keys):
    """One draw [B, D] of Gaussian q with a key for each row."""
    return jax.vmap(gaussian.sample)(q, keys)


def choose_subsets(keys, present, joint_fraction):
    """Random subsets of each row's modalities: {name: [B] bool}, for keys [B].

    All that are present with probability `joint_fraction`, otherwise a single one of them,
    evenly chosen: the subsets of MVAE's training (Wu & Goodman 2018, section 2.3).
    """
    names = list(present)
    shown = jnp.stack([present[name] for name in names], axis=-1)

    def choose(key, row):
        single, joint = jax.random.split(key)
        scores = jnp.where(row, jax.random.gumbel(single, row.shape), -jnp.inf)
        alone = jax.nn.one_hot(jnp.argmax(scores), len(names), dtype=bool) & row
        return jnp.where(jax.random.bernoulli(joint, joint_fraction), row, alone)

    chosen = jax.vmap(choose)(keys, shown)
    return {name: chosen[:, i] for i, name in enumerate(names)}


def flow_matching(bound, experts, full, present, keys):
    """Squared velocity error [B], mean over D, at one random time for each row."""
    z_keys, noise_keys, t_keys, known_keys = jax.vmap(lambda k: jax.random.split(k, 4))(keys).T
    z = draw(full, z_keys)
    noise = jax.vmap(lambda k: jax.random.normal(k, z.shape[1:]))(noise_keys)
    t = jax.nn.sigmoid(jax.vmap(lambda k: jax.random.normal(k))(t_keys))
    known = choose_subsets(known_keys, present, 0.0)
    nothing = jax.vmap(lambda k: jax.random.bernoulli(jax.random.fold_in(k, 1), 0.2))(known_keys)
    known = {name: shown & ~nothing for name, shown in known.items()}
    at, velocity = flow_path(z, noise, t)
    error = bound(MMVAE.velocity, at, t, experts, known) - velocity
    return jnp.mean(jnp.square(error), axis=-1)


def sigmoid_contrast(bound, experts, both):
    """Pairwise sigmoid loss over the whole batch of all devices (Zhai et al. 2023, SigLIP)."""
    names = sorted(experts)
    vectors = bound(MMVAE.project, experts)
    left, right = vectors[names[0]], vectors[names[1]]
    every, shown = lax.all_gather((right, both), AXIS, tiled=True)
    rows = lax.axis_index(AXIS) * len(both) + jnp.arange(len(both))
    label = 2.0 * (rows[:, None] == jnp.arange(len(shown))[None, :]) - 1.0
    loss = -jax.nn.log_sigmoid(label * bound(MMVAE.alignment_logits, left, every))
    return global_mean(both * (loss @ shown), both)


def cosine_distance(bound, experts, both):
    """1 - cosine of the projected unimodal means of a pair."""
    vectors = list(bound(MMVAE.project, experts).values())
    return global_mean(both * (1.0 - jnp.sum(vectors[0] * vectors[1], axis=-1)), both)


def symmetric_kl(bound, experts, both):
    """(KL(q_a || q_b) + KL(q_b || q_a)) / 2 of a pair's posteriors, mean over D."""
    a, b = experts.values()
    return global_mean(both * jnp.mean(gaussian.kl(a, b) + gaussian.kl(b, a), axis=-1) / 2, both)


ALIGNMENTS = {
    "siglip": sigmoid_contrast,
    "cosine": cosine_distance,
    "symmetric_kl": symmetric_kl,
}


def latent_metrics(posterior, z, mask):
    """Per-row latent statistics; names with "_" in front are vectors [D] for the host."""
    ones = mask[:, None]
    mean = jnp.mean(posterior.mean, axis=-1)
    deviation = jnp.mean(jnp.exp(0.5 * posterior.logvar), axis=-1)
    divergence = gaussian.kl(posterior, gaussian.standard(posterior.mean.shape))
    return {
        "latent_mean": (mask * mean, mask),
        "latent_std": (mask * deviation, mask),
        "latent_norm": (mask * jnp.linalg.norm(z, axis=-1), mask),
        "_posterior_mean": (ones * posterior.mean, ones),
        "_posterior_mean_square": (ones * jnp.square(posterior.mean), ones),
        "_posterior_kl": (ones * divergence, ones),
    }
