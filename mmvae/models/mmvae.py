"""The model: encode any subset of the modalities, fuse, decode each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict
from jaxtyping import Array, Bool, Float, Key, Shaped
from ml_collections import ConfigDict

from mmvae.data.modalities import Modality, blank_batch
from mmvae.models import caption, gaussian, image, label, vector
from mmvae.models.autoregressive import Writer
from mmvae.models.decoder import Decoder, Reconstruction
from mmvae.models.family import laplace
from mmvae.models.family.joint import JointEncoder
from mmvae.models.family.layout import Layout, joined
from mmvae.models.family.learned import ClusterPrior, CodeScale, PrecisionWeights
from mmvae.models.flow import integrate
from mmvae.models.fusion import FUSIONS, JOINT, Posterior
from mmvae.models.gaussian import Gaussian
from mmvae.models.prior import VelocityField

Data = Mapping[str, Shaped[Array, "B ..."]]  # of modalities, by name
Experts = dict[str, Gaussian]
Present = Mapping[str, Bool[Array, " B"]]


class MMVAE(nn.Module):
    """Multimodal VAE over named modalities with one latent of D dimensions.

    `model.bind({"params": params})` has all of these methods. They take and return dicts keyed
    by modality name. Source: Wu & Goodman 2018 for the fused posterior; `prior` learns the
    latents' distribution, given any subset of the modalities.

    Attributes:
        layout: of the latent: what modalities share, and codes of their own.
        joint: the encoder of all modalities at once, where the posterior is its.
        clusters, scaled_codes, laplace: as in `Parts`.
    """

    encoders: Mapping[str, nn.Module]
    decoders: Mapping[str, Decoder]
    prior: nn.Module
    fusion: str
    layout: Layout
    alignment_dim: int
    joint: nn.Module | None = None
    clusters: int = 0
    scaled_codes: bool = False
    laplace: bool = False

    def setup(self) -> None:
        if self.fusion == "weighted_product":
            self.precisions = PrecisionWeights(self.names, self.layout.shared)
        if self.clusters:
            self.cluster_prior = ClusterPrior(self.clusters)
        if self.scaled_codes:
            self.code_scales = {name: CodeScale(self.layout.private) for name in self.encoders}
        self.heads = {name: nn.Dense(self.alignment_dim) for name in self.encoders}
        # exp(scale) = 10 and bias -10 start all pairs as non-matching (Zhai et al. 2023).
        self.scale = self.param("alignment_scale", nn.initializers.constant(2.3), ())
        self.bias = self.param("alignment_bias", nn.initializers.constant(-10.0), ())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modalities."""
        return tuple(self.encoders)

    @property
    def latent_dim(self) -> int:
        """Dimensions D of the latent, private codes included."""
        return self.layout.total

    def encode(self, inputs: Data, keys: Key[Array, " B"] | None = None) -> Experts:
        """{name: data} -> {name: Gaussian of [u, w_m]}, an expert for each modality given.

        Where all are given, a joint encoder adds its own, `fusion.JOINT`. With a key for each
        row, encoders drop what their config says; in training alone.
        """
        experts = {name: self.encoders[name](data, keys) for name, data in inputs.items()}
        if self.laplace:
            experts = {name: self._as_laplace(q) for name, q in experts.items()}
        if self.joint is not None and len(experts) == len(self.names):
            experts[JOINT] = self.joint(inputs, keys)
        return experts

    def fuse(self, experts: Experts, present: Present) -> Posterior:
        """Joint posterior of the present experts, absent codes with their priors."""
        shared = self.layout.shared_of(experts)
        if self.fusion == "weighted_product":
            shared = self.precisions(shared, present)
        posterior = FUSIONS[self.fusion](shared, present)
        if not self.layout.private:
            return posterior
        return self.layout.with_codes(posterior, self.codes(experts, present))

    def codes(self, experts: Experts, present: Present) -> Experts:
        """{name: Gaussian of the modality's own code} [B, W] of every modality."""
        rows, own = next(iter(present.values())).shape[0], self.layout.private_of(experts)
        prior = {name: self.code_prior(name, rows) for name in self.names}
        shown = {name: present[name] for name in own}
        return prior | {n: gaussian.chosen(shown[n], own[n], prior[n]) for n in own}

    def code_prior(self, name: str, rows: int) -> Gaussian:
        """Prior [rows, W] of a modality's own code, where another one is decoded from it."""
        scale = self.code_scales[name]() if self.scaled_codes else 1.0
        return self._zero_mean((rows, self.layout.private), scale)

    def log_prior(self, u: Float[Array, "*B U"]) -> Float[Array, "*B"]:
        """Log-density of the shared part's prior, in nats."""
        if self.clusters:
            return self.cluster_prior(u)
        return self._zero_mean(u.shape).log_prob(u)

    def log_code_prior(self, w: Float[Array, "*B W"]) -> Float[Array, "*B"]:
        """Log-density of private codes whose scale is 1, in nats."""
        return self._zero_mean(w.shape).log_prob(w)

    def frozen(self) -> "MMVAE":
        """The same bound model, whose parameters no gradient reaches."""
        module, variables = self.unbind()
        return module.bind(jax.lax.stop_gradient(variables))

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
        code = self.layout.code
        return {n: self.decoders[n].loss(code(z, n), x, keys, train) for n, x in data.items()}

    def sample(
        self, name: str, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None
    ) -> Shaped[Array, "B ..."]:
        """Data of one modality from latents; without keys the likeliest."""
        return self.decoders[name].sample(self.layout.code(z, name), keys)

    def writer(self, name: str) -> Writer:
        """The decoder of a modality that is written token by token, as functions."""
        writer = self.decoders[name].writer()
        return writer._replace(begin=lambda z: writer.begin(self.layout.code(z, name)))

    def project(self, experts: Experts) -> dict[str, Float[Array, "B E"]]:
        """Unit vectors for alignment and retrieval."""
        shared = self.layout.shared_of(experts)
        vectors = {name: self.heads[name](shared[name].mean) for name in _alone(shared)}
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
        return self.prior(z, t, {name: experts[name].mean for name in _alone(experts)}, known)

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

    def _zero_mean(self, shape, scale=1.0):
        return (laplace if self.laplace else gaussian).scaled(shape, scale)

    def _as_laplace(self, q):
        if not self.layout.private:
            return laplace.of_moments(q)
        return joined(*map(laplace.of_moments, self.layout.split(q)))

    def __call__(self, inputs: Data, known: Present) -> dict[str, Reconstruction]:
        """Touches every parameter once; for initialisation only."""
        experts = self.encode(inputs)
        self.project(experts)
        joint = self.fuse(experts, known)
        self.log_prior(joint.mean[:, : self.layout.shared])
        self.velocity(joint.mean, jnp.zeros(len(joint.mean)), experts, known)
        return self.reconstruct(joint.mean, inputs)


@dataclass(frozen=True)
class Parts:
    """What an objective asks of a model beyond its configuration.

    Attributes:
        fusion: a key of FUSIONS; "": the configuration's.
        private: dimensions of each modality's own code.
        clusters: of the prior of the shared part; 0: it is N(0, I).
        scaled_codes: whether the codes' priors learn their variances.
        laplace: whether experts and prior are Laplace distributions.
    """

    fusion: str = ""
    private: int = 0
    clusters: int = 0
    scaled_codes: bool = False
    laplace: bool = False


def build(config: ConfigDict, modalities: Mapping[str, Modality], parts: Parts = Parts()) -> MMVAE:
    """MMVAE of `config.model` over modalities as data."""
    dtype, fusion = jnp.dtype(config.dtype), parts.fusion or config.fusion
    layout = Layout(tuple(config.modalities), config.latent.dim, parts.private)
    joint = None
    if fusion == "joint_encoder":
        encoders = _encoders(config, modalities, layout.shared)
        joint = JointEncoder(encoders, layout.shared, dtype)
    decoders = {
        name: MODALITIES[spec.kind].decoder(spec, modalities[name], dtype, config.adapter_rank)
        for name, spec in config.modalities.items()
    }
    return MMVAE(
        encoders=_encoders(config, modalities, layout.shared + layout.private),
        # Frozen, so that a model can be a static argument of jitted functions.
        decoders=FrozenDict(decoders),
        prior=VelocityField(config.prior.width, config.prior.layers, dtype),
        fusion=fusion,
        layout=layout,
        alignment_dim=config.alignment_dim,
        joint=joint,
        clusters=parts.clusters,
        scaled_codes=parts.scaled_codes,
        laplace=parts.laplace,
    )


def _encoders(config, modalities, latent_dim):
    dtype, rank = jnp.dtype(config.dtype), config.adapter_rank
    return FrozenDict(
        {
            name: MODALITIES[spec.kind].encoder(spec, modalities[name], latent_dim, dtype, rank)
            for name, spec in config.modalities.items()
        }
    )


def _alone(experts):
    """Names of the experts of one modality."""
    return [name for name in experts if name != JOINT]


def initialise(
    model: MMVAE, modalities: Mapping[str, Modality], key: Key[Array, ""]
) -> dict[str, Any]:
    """Parameters of a model that starts anew."""
    batch = blank_batch(modalities, 1)
    known = batch["present"]
    inputs = {name: batch[name] for name in known}
    return jax.jit(model.init)(key, inputs, known)["params"]


MODALITIES = {"image": image, "caption": caption, "label": label, "vector": vector}
