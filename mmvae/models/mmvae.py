"""The model: encode any subset of the modalities, fuse, decode each of them."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict
from jaxtyping import Array, Bool, Float, Key, Shaped
from ml_collections import ConfigDict

from mmvae.data.modalities import Modality, blank_batch
from mmvae.models import caption, image, label
from mmvae.models.autoregressive import Writer
from mmvae.models.decoder import Decoder, Reconstruction
from mmvae.models.flow import integrate
from mmvae.models.fusion import FUSIONS, Posterior
from mmvae.models.gaussian import Gaussian
from mmvae.models.prior import VelocityField

Data = Mapping[str, Shaped[Array, "B ..."]]  # of modalities, by name
Experts = dict[str, Gaussian]
Present = Mapping[str, Bool[Array, " B"]]


class MMVAE(nn.Module):
    """Multimodal VAE over named modalities with one shared latent of D dimensions.

    `model.bind({"params": params})` has all of these methods. They take and return dicts keyed
    by modality name. Source: Wu & Goodman 2018 for the fused posterior; `prior` learns the
    latents' distribution, given any subset of the modalities.
    """

    encoders: Mapping[str, nn.Module]
    decoders: Mapping[str, Decoder]
    prior: nn.Module
    fusion: str
    latent_dim: int
    alignment_dim: int

    def setup(self) -> None:
        self.heads = {name: nn.Dense(self.alignment_dim) for name in self.encoders}
        # exp(scale) = 10 and bias -10 start all pairs as non-matching (Zhai et al. 2023).
        self.scale = self.param("alignment_scale", nn.initializers.constant(2.3), ())
        self.bias = self.param("alignment_bias", nn.initializers.constant(-10.0), ())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modalities."""
        return tuple(self.encoders)

    def encode(self, inputs: Data) -> Experts:
        """{name: data} -> {name: Gaussian [B, D]}, one expert for each modality given."""
        return {name: self.encoders[name](data) for name, data in inputs.items()}

    def fuse(self, experts: Experts, present: Present) -> Posterior:
        """Joint posterior of the present experts; an absent one changes nothing."""
        return FUSIONS[self.fusion](experts, present)

    def infer(self, inputs: Data, present: Present) -> Posterior:
        """Posterior of the latent given the inputs that are present: encode, then fuse."""
        return self.fuse(self.encode(inputs), present)

    def reconstruct(
        self,
        z: Float[Array, "B D"],
        data: Data,
        keys: Key[Array, " B"] | None = None,
        train: bool = False,
    ) -> dict[str, Reconstruction]:
        """How well latents tell each modality of `data`; see `decoder.Decoder.loss`."""
        return {name: self.decoders[name].loss(z, x, keys, train) for name, x in data.items()}

    def sample(
        self, name: str, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Shaped[Array, "B ..."]:
        """Data of one modality from latents; without keys the likeliest."""
        return self.decoders[name].sample(z, keys)

    def writer(self, name: str) -> Writer:
        """The decoder of a modality that is written token by token, as functions."""
        return self.decoders[name].writer()

    def project(self, experts: Experts) -> dict[str, Float[Array, "B E"]]:
        """Unit vectors for alignment and retrieval."""
        vectors = {name: self.heads[name](expert.mean) for name, expert in experts.items()}
        return {
            name: v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-6)
            for name, v in vectors.items()
        }

    def alignment_logits(
        self, left: Float[Array, "B E"], right: Float[Array, "C E"]
    ) -> Float[Array, "B C"]:
        """Pair logits of unit vectors, with learned scale and bias."""
        return jnp.exp(self.scale) * left @ right.T + self.bias

    def velocity(
        self, z: Float[Array, "B D"], t: Float[Array, " B"], experts: Experts, known: Present
    ) -> Float[Array, "B D"]:
        """Velocity of the learned prior given the known experts' means."""
        return self.prior(z, t, {name: e.mean for name, e in experts.items()}, known)

    def sample_prior(
        self,
        noise: Float[Array, "B D"],
        experts: Experts,
        known: Present,
        steps: int,
        guidance: float,
    ) -> Float[Array, "B D"]:
        """Latents of the learned prior given the known experts, from standard normal noise.

        Classifier-free guidance (Ho & Salimans 2022, equation 6): 1 is the prior as learned;
        more goes further from what it would be given nothing.
        """
        nothing = {name: jnp.zeros_like(is_known) for name, is_known in known.items()}

        def velocity(z, t):
            free = self.velocity(z, t, experts, nothing)
            return free + guidance * (self.velocity(z, t, experts, known) - free)

        return integrate(velocity, noise, steps)

    def __call__(self, inputs: Data, known: Present) -> dict[str, Reconstruction]:
        """Touches every parameter once; for initialisation only."""
        experts = self.encode(inputs)
        self.project(experts)
        joint = self.fuse(experts, known)
        self.velocity(joint.mean, jnp.zeros(len(joint.mean)), experts, known)
        return self.reconstruct(joint.mean, inputs)


def build(config: ConfigDict, modalities: Mapping[str, Modality]) -> MMVAE:
    """MMVAE of `config.model` over modalities as data."""
    dtype, encoders, decoders = jnp.dtype(config.dtype), {}, {}
    for name, spec in config.modalities.items():
        kind, common = MODALITIES[spec.kind], {"dtype": dtype, "rank": config.adapter_rank}
        encoders[name] = kind.encoder(spec, modalities[name], config.latent.dim, **common)
        decoders[name] = kind.decoder(spec, modalities[name], **common)
    return MMVAE(
        # Frozen, so that a model can be a static argument of jitted functions.
        encoders=FrozenDict(encoders),
        decoders=FrozenDict(decoders),
        prior=VelocityField(config.prior.width, config.prior.layers, dtype),
        fusion=config.fusion,
        latent_dim=config.latent.dim,
        alignment_dim=config.alignment_dim,
    )


def initialise(
    model: MMVAE, modalities: Mapping[str, Modality], key: Key[Array, ""]
) -> dict[str, Any]:
    """Parameters of a model that starts anew."""
    batch = blank_batch(modalities, 1)
    known = batch["present"]
    inputs = {name: batch[name] for name in known}
    return jax.jit(model.init)(key, inputs, known)["params"]


MODALITIES = {"image": image, "caption": caption, "label": label}
