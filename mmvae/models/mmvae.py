"""The model: encode any subset of the modalities, fuse, decode each of them."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from mmvae.models import caption, image
from mmvae.models.fusion import FUSIONS
from mmvae.models.prior import VelocityField, integrate

MODALITIES = {"image": image, "caption": caption}


class MMVAE(nn.Module):
    """Multimodal VAE over named modalities with one shared latent of D dimensions.

    Methods take and return dicts keyed by modality name. Source: Wu & Goodman 2018 for the
    fused posterior; `prior` learns the latents' distribution, given any subset of them.
    """

    encoders: dict
    decoders: dict
    prior: nn.Module
    fusion: str
    latent_dim: int
    alignment_dim: int

    def setup(self):
        self.heads = {name: nn.Dense(self.alignment_dim) for name in self.encoders}
        # exp(scale) = 10 and bias -10 start all pairs as non-matching (Zhai et al. 2023).
        self.scale = self.param("alignment_scale", nn.initializers.constant(2.3), ())
        self.bias = self.param("alignment_bias", nn.initializers.constant(-10.0), ())

    def encode(self, inputs):
        """{name: data} -> {name: Gaussian [B, D]}, one expert for each modality given."""
        return {name: self.encoders[name](data) for name, data in inputs.items()}

    def fuse(self, experts, present):
        """Joint posterior Gaussian [B, D] of the present experts."""
        return FUSIONS[self.fusion](experts, present)

    def decode(self, z, inputs):
        """Latents [B, D] and decoder inputs {name: array | None} -> {name: output}."""
        return {name: self.decoders[name](z, data) for name, data in inputs.items()}

    def project(self, experts):
        """Unit vectors {name: [B, E]} for alignment and retrieval."""
        vectors = {name: self.heads[name](expert.mean) for name, expert in experts.items()}
        return {
            name: v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-6)
            for name, v in vectors.items()
        }

    def alignment_logits(self, left, right):
        """Pair logits [B, B'] of unit vectors, with learned scale and bias."""
        return jnp.exp(self.scale) * left @ right.T + self.bias

    def velocity(self, z, t, experts, known):
        """Velocity [B, D] of the learned prior given the known experts' means."""
        return self.prior(z, t, {name: e.mean for name, e in experts.items()}, known)

    def draw_prior(self, noise, experts, known, steps, guidance):
        """Latents [B, D] of the learned prior given the known experts, from noise [B, D].

        Classifier-free guidance (Ho & Salimans 2022, equation 6): 1 is the prior as learned;
        more goes further from what it would be given nothing.
        """
        nothing = {name: jnp.zeros_like(is_known) for name, is_known in known.items()}

        def velocity(z, t):
            free = self.velocity(z, t, experts, nothing)
            return free + guidance * (self.velocity(z, t, experts, known) - free)

        return integrate(velocity, noise, steps)

    def write_begin(self, z):
        """Caches to write captions of latents [B, D]."""
        return self.decoders["caption"].begin(z)

    def write_extend(self, caches, token, index):
        """Next-token logits [B, V] and new caches; see `CaptionDecoder.extend`."""
        return self.decoders["caption"].extend(caches, token, index)

    def __call__(self, inputs, teacher, known):
        """Touches every parameter once; for initialisation only."""
        experts = self.encode(inputs)
        self.project(experts)
        joint = self.fuse(experts, known)
        self.velocity(joint.mean, jnp.zeros(len(joint.mean)), experts, known)
        return self.decode(joint.mean, teacher)


def build(config, shapes):
    """MMVAE of `config.model`; `shapes` is {name: shape}: image (H, W, C), caption (L, V)."""
    dtype, encoders, decoders = jnp.dtype(config.dtype), {}, {}
    for name, spec in config.modalities.items():
        kind = MODALITIES[spec.kind]
        common = {field: spec[field] for field in ("width", "heads", "squeeze")}
        common |= {"dtype": dtype, "rank": config.adapter_rank}
        encoders[name] = kind.encoder(spec, shapes[name], config.latent.dim, common)
        decoders[name] = kind.decoder(spec, shapes[name], common)
    return MMVAE(
        # Frozen, so that a model can be a static argument of jitted functions.
        encoders=FrozenDict(encoders),
        decoders=FrozenDict(decoders),
        prior=VelocityField(config.prior.width, config.prior.layers, dtype),
        fusion=config.fusion,
        latent_dim=config.latent.dim,
        alignment_dim=config.alignment_dim,
    )


def initialise(model, config, key, batch):
    """Parameters of `model` (of `config.model`) from one example batch {name: [1, ...]}."""
    known = {name: jnp.ones(1, bool) for name in batch}
    kinds = {name: MODALITIES[spec.kind] for name, spec in config.modalities.items()}
    teacher = {name: kinds[name].teacher(data) for name, data in batch.items()}
    return jax.jit(model.init)(key, batch, teacher, known)["params"]
