"""The losses, one block per term.

Every term is a sum over this device's rows divided by a count over all devices, so that
the mean of the devices' gradients is the gradient of the whole batch's loss. Noise is keyed
by a row's place in the whole batch, so the number of devices changes nothing.
"""

import jax
import jax.numpy as jnp
from jax import lax

from mmvae.machine.parallel import AXIS
from mmvae.models import gaussian
from mmvae.models.mmvae import MMVAE, MODALITIES
from mmvae.models.prior import flow_path


def train_losses(model, params, batch, key, config, kl_weight):
    """(total, metrics) of a batch: the scalar to differentiate, and {name: (sum, count)}.

    Every row shows the model a random subset of its modalities. Reconstruction metrics
    count the rows that show all they have, so that they compare with evaluation.
    """
    apply, specs = bind(model, params), config.model.modalities
    keys = row_keys(key, len(batch["mask"]))
    present = {name: batch["present"][name] & batch["mask"] for name in specs}
    seen = choose_subsets(keys(0), present, config.loss.subsets)
    experts = apply(MMVAE.encode, {name: batch[name] for name in specs})

    # 1. Posterior q(z | x_S) of the shown subset S, one draw, every modality decoded from it.
    posterior = apply(MMVAE.fuse, experts, seen)
    z = draw(posterior, keys(1))
    outputs = decode(apply, z, batch, specs, keys(2))

    # 2. Reconstruction: -log p(x_m | z) of what S shows; of the others with weight cross_m.
    terms, metrics = {}, {}
    for name, (loss, units) in negative_log_likelihoods(outputs, batch, specs).items():
        weight = present[name] * jnp.where(seen[name], 1.0, config.loss.cross[name])
        terms[name] = global_mean(weight * loss, weight * units)
    complete = jnp.all(jnp.stack([seen[n] == present[n] for n in specs]), axis=0)
    counted = {name: shown & complete for name, shown in present.items()}
    metrics |= reconstruction_metrics(outputs, batch, specs, counted)

    # 3. KL(q(z | x_S) || N(0, I)), with free bits.
    terms["kl"] = kl_term(posterior, batch["mask"], config.loss.free_bits)

    # 4. Alignment of the unimodal posteriors of complete pairs.
    pairs = jnp.all(jnp.stack(list(present.values())), axis=0)
    terms["alignment"] = ALIGNMENTS[config.loss.alignment](apply, experts, pairs)

    # 5. Learned prior, which no gradient leaves.
    full = apply(MMVAE.fuse, experts, present)
    flow = flow_matching(apply, experts, full, present, keys(3))
    terms["prior"] = global_mean(batch["mask"] * flow, batch["mask"])

    total = weighted(terms, config.loss.weights, kl_weight)
    metrics |= latent_metrics(full, z, batch["mask"])
    metrics |= {f"loss_{name}": (terms[name], 1.0) for name in ("alignment", "prior")}
    return total, metrics | {"loss_total": (total, 1.0)}


def eval_metrics(model, params, batch, key, config):
    """{name: (sum, count)} of a padded batch: every row shows all it has, and each alone.

    Names that end in `_from_m` are of the other modalities given only m. `caption_z_gap` is
    the loss with another row's latent minus that with its own; for each modality alike.
    """
    apply, specs = bind(model, params), config.model.modalities
    keys, mask = row_keys(key, len(batch["mask"])), batch["mask"]
    present = {name: batch["present"][name] & mask for name in specs}
    experts = apply(MMVAE.encode, {name: batch[name] for name in specs})

    posterior = apply(MMVAE.fuse, experts, present)
    z = draw(posterior, keys(1))
    outputs = decode(apply, z, batch, specs)
    metrics = reconstruction_metrics(outputs, batch, specs, present)
    metrics |= z_gaps(apply, z, outputs, batch, specs, present)
    for name in specs:
        metrics |= cross_metrics(apply, experts, name, batch, specs, present)

    pairs = jnp.all(jnp.stack(list(present.values())), axis=0)
    flow = flow_matching(apply, experts, posterior, present, keys(3))
    alignment = ALIGNMENTS[config.loss.alignment](apply, experts, pairs)
    count = jnp.sum(pairs.astype(jnp.float32))
    metrics |= latent_metrics(posterior, z, mask)
    metrics |= {
        "loss_prior": (jnp.sum(flow * mask), jnp.sum(mask.astype(jnp.float32))),
        # A contrast is a property of its batch, the mean over devices: batches count by pairs.
        "loss_alignment": (alignment * lax.pmean(count, AXIS), count),
    }
    return metrics


def bind(model, params):
    """apply(method, *args) of a model with its parameters."""
    return lambda method, *args: model.apply({"params": params}, *args, method=method)


def row_keys(key, count):
    """keys(stream) -> [count] keys, by a row's place in the batch of all devices."""
    rows = lax.axis_index(AXIS) * count + jnp.arange(count)
    return lambda stream: jax.vmap(jax.random.fold_in, (None, 0))(
        jax.random.fold_in(key, stream), rows
    )


def draw(q, keys):
    """One draw [B, D] of Gaussian q with a key for each row."""
    return jax.vmap(gaussian.sample)(q, keys)


def decode(apply, z, batch, specs, keys=None):
    """{name: output} of latents z; with `keys`, teachers are corrupted as in training."""
    teachers = {
        name: MODALITIES[spec.kind].teacher(batch[name], keys, spec) for name, spec in specs.items()
    }
    return apply(MMVAE.decode, z, teachers)


def negative_log_likelihoods(outputs, batch, specs):
    """{name: (loss [B], units [B])}; a loss is a sum over its units (tokens; 1 a picture)."""
    return {
        name: MODALITIES[specs[name].kind].negative_log_likelihood(output, batch[name], specs[name])
        for name, output in outputs.items()
    }


def reconstruction_metrics(outputs, batch, specs, counted):
    """{name: (sum, count)} over the rows that `counted` {name: [B] bool} names."""
    metrics = {}
    for name, (loss, units) in negative_log_likelihoods(outputs, batch, specs).items():
        metrics[f"loss_{name}"] = (jnp.sum(counted[name] * loss), jnp.sum(counted[name] * units))
        measured = MODALITIES[specs[name].kind].metrics(outputs[name], batch[name])
        for metric, (total, count) in measured.items():
            metrics[f"{name}_{metric}"] = (
                jnp.sum(counted[name] * total),
                jnp.sum(counted[name] * count),
            )
    return metrics


def z_gaps(apply, z, outputs, batch, specs, present):
    """{"<name>_z_gap": (sum, count)}: near 0 when a decoder ignores the latent."""
    rows = jnp.arange(len(z))
    other = jnp.where(rows + 1 < jnp.sum(batch["mask"]), rows + 1, 0)
    with_other = negative_log_likelihoods(decode(apply, z[other], batch, specs), batch, specs)
    metrics = {}
    for name, (own, units) in negative_log_likelihoods(outputs, batch, specs).items():
        counted = present[name] & (other != rows)
        gap = with_other[name][0] - own
        metrics[f"{name}_z_gap"] = (jnp.sum(counted * gap), jnp.sum(counted * units))
    return metrics


def cross_metrics(apply, experts, source, batch, specs, present):
    """Metrics of every other modality decoded from the mean posterior given `source` alone."""
    alone = {name: present[name] & (name == source) for name in specs}
    z = apply(MMVAE.fuse, experts, alone).mean
    counted = {name: present[name] & present[source] for name in specs if name != source}
    others = {name: specs[name] for name in counted}
    outputs = decode(apply, z, batch, others)
    metrics = reconstruction_metrics(outputs, batch, others, counted)
    return {f"{name}_from_{source}": metric for name, metric in metrics.items()}


def kl_term(posterior, mask, free_bits):
    """KL to N(0, I) in nats: sum over dimensions of the mean over rows.

    A dimension costs nothing while its mean stays below `free_bits` (Kingma et al. 2016,
    appendix C.8).
    """
    divergence = gaussian.kl(posterior, gaussian.standard(posterior.mean.shape))
    mean = global_mean(mask[:, None] * divergence, mask, axis=0)
    costly = lax.pmean(lax.stop_gradient(mean), AXIS) > free_bits
    return jnp.sum(jnp.where(costly, mean, free_bits))


def weighted(terms, weights, kl_weight):
    """Total of the terms, with the weights of the config and the warmed-up one of the KL."""
    return sum((kl_weight if n == "kl" else weights[n]) * term for n, term in terms.items())


def global_mean(totals, counts, axis=None):
    """This device's share of sum(totals) / sum(counts): its mean over devices is the mean."""
    count = lax.pmean(lax.stop_gradient(jnp.sum(counts)), AXIS)
    return jnp.sum(totals, axis=axis) / jnp.maximum(count, 1e-6)


def choose_subsets(keys, present, shares):
    """Random subsets of each row's modalities: {name: [B] bool}, for keys [B].

    `shares` {"joint": all that are present, name: that one alone} are the odds of each
    choice among those a row can have. Source: the subsets of Wu & Goodman 2018, section 2.3.
    """
    names = list(present)
    shown = jnp.stack([present[name] for name in names], axis=-1)
    alone = jnp.eye(len(names), dtype=bool)
    odds = jnp.array([shares[name] for name in names] + [shares["joint"]], jnp.float32)

    def choose(key, row):
        possible = jnp.append(row, jnp.any(row))
        choice = jax.random.categorical(key, jnp.where(possible, jnp.log(odds), -jnp.inf))
        return row & jnp.append(alone, jnp.ones_like(row)[None], axis=0)[choice]

    chosen = jax.vmap(choose)(keys, shown)
    return {name: chosen[:, i] for i, name in enumerate(names)}


def flow_matching(apply, experts, full, present, keys):
    """Squared velocity error [B], mean over D.

    Targets are draws of the full posterior; the condition is one modality's mean, or nothing.
    No gradient reaches the encoders. Source: Lipman et al. 2023, equation 23.
    """
    experts, full, present = lax.stop_gradient((experts, full, present))
    z_keys, noise_keys, t_keys, known_keys = jax.vmap(lambda k: jax.random.split(k, 4))(keys).T
    z = draw(full, z_keys)
    noise = jax.vmap(lambda key: jax.random.normal(key, z.shape[1:]))(noise_keys)
    t = jax.nn.sigmoid(jax.vmap(jax.random.normal)(t_keys))
    known = choose_conditions(known_keys, present)
    at, velocity = flow_path(z, noise, t)
    error = apply(MMVAE.velocity, at, t, experts, known) - velocity
    return jnp.mean(jnp.square(error), axis=-1)


def choose_conditions(keys, present):
    """What the prior is told of each row: one modality that is present, or nothing."""
    single = choose_subsets(keys, present, dict.fromkeys(present, 1.0) | {"joint": 0.0})
    told = jax.vmap(lambda k: jax.random.bernoulli(jax.random.fold_in(k, 1), 0.8))(keys)
    return {name: chosen & told for name, chosen in single.items()}


def sigmoid_contrast(apply, experts, both):
    """Pairwise sigmoid loss over the whole batch of all devices (Zhai et al. 2023, SigLIP)."""
    names = sorted(experts)
    vectors = apply(MMVAE.project, experts)
    left, right = vectors[names[0]], vectors[names[1]]
    every, shown = lax.all_gather((right, both), AXIS, tiled=True)
    rows = lax.axis_index(AXIS) * len(both) + jnp.arange(len(both))
    label = 2.0 * (rows[:, None] == jnp.arange(len(shown))[None, :]) - 1.0
    loss = -jax.nn.log_sigmoid(label * apply(MMVAE.alignment_logits, left, every))
    return global_mean(both * (loss @ shown), both)


def cosine_distance(apply, experts, both):
    """1 - cosine of the projected unimodal means of a pair."""
    vectors = list(apply(MMVAE.project, experts).values())
    return global_mean(both * (1.0 - jnp.sum(vectors[0] * vectors[1], axis=-1)), both)


def symmetric_kl(apply, experts, both):
    """(KL(q_a || q_b) + KL(q_b || q_a)) / 2 of a pair's posteriors, mean over D."""
    a, b = experts.values()
    return global_mean(both * jnp.mean(gaussian.kl(a, b) + gaussian.kl(b, a), axis=-1) / 2, both)


ALIGNMENTS = {
    "siglip": sigmoid_contrast,
    "cosine": cosine_distance,
    "symmetric_kl": symmetric_kl,
}


def latent_metrics(posterior, z, mask):
    """Latent statistics {name: (sum, count)}; sums of names with "_" in front are vectors [D]."""
    divergence = gaussian.kl(posterior, gaussian.standard(posterior.mean.shape))
    scalars = {
        "loss_kl": jnp.sum(divergence, axis=-1),
        "latent_mean": jnp.mean(posterior.mean, axis=-1),
        "latent_std": jnp.mean(jnp.exp(0.5 * posterior.logvar), axis=-1),
        "latent_norm": jnp.linalg.norm(z, axis=-1),
    }
    vectors = {
        "_posterior_mean": posterior.mean,
        "_posterior_mean_square": jnp.square(posterior.mean),
        "_posterior_kl": divergence,
    }
    count = jnp.sum(mask.astype(jnp.float32))
    weigh = lambda values: (jnp.tensordot(mask.astype(jnp.float32), values, 1), count)
    return {name: weigh(values) for name, values in (scalars | vectors).items()}
