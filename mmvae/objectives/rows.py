"""A batch as the papers' objectives see it, and what they give.

An objective of the family is a function of `Rows`. It asks of the model only `encode`,
`reconstruct`, `layout`, `log_prior` and `code_prior` (some also `fuse`, `frozen`), and takes its
randomness from `keys`: tests give both of their own.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mmvae.models import gaussian
from mmvae.models.decoder import Reconstruction
from mmvae.models.fusion import Posterior
from mmvae.models.gaussian import Gaussian
from mmvae.models.mmvae import Data, Experts, Present
from mmvae.objectives.terms import (
    Batch,
    Keys,
    Settings,
    global_mean,
    inputs_of,
    mean_over_all,
    present_in,
)

_HIDDEN = 2  # the stream of what decoders hide of their inputs
_DROPPED = 5  # and of what encoders drop
CODES = 1000  # streams of private codes, one a modality
OTHER_CODES = 2000  # and of codes from their prior


class Bound(NamedTuple):
    """What an objective of the family gives.

    Attributes:
        loss: a negative bound, this device's share of its mean over rows.
        z: latents [B, D] of the posterior of all that a row has.
        decoded: {name: Reconstruction} from it, with any number of leading axes.
    """

    loss: Float[Array, ""]
    z: Float[Array, "B D"]
    decoded: dict[str, Reconstruction]


@dataclass(frozen=True)
class Rows:
    """A batch, with the bound model and its experts.

    Attributes:
        model: bound.
        inputs: {name: data [B, ...]}.
        present: {name: bool [B]}.
        keys: randomness.
        settings: weights, this step's weight `beta` of divergences, and `objective`.
        experts: {name: Gaussian of [u, w_m]} of what was encoded.
        shared: {name: Gaussian of u}.
    """

    model: Any
    inputs: Data
    present: Present
    keys: Keys
    settings: Settings
    experts: Experts
    shared: Experts

    @property
    def beta(self) -> Float[Array, ""]:
        """Weight of divergences."""
        return self.settings.kl_weight

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modalities."""
        return tuple(self.inputs)

    @property
    def count(self) -> Float[Array, " B"]:
        """Number of modalities of each row, at least 1."""
        return jnp.maximum(sum(self.present[name].astype(int) for name in self.names), 1)

    @property
    def any(self) -> Bool[Array, " B"]:
        """Rows that have something."""
        return any_of(self.present)

    @property
    def complete(self) -> Bool[Array, " B"]:
        """Rows that have everything."""
        return jnp.all(jnp.stack([self.present[name] for name in self.names]), axis=0)

    def alone(self, name: str) -> Present:
        """What is present if only one modality is shown."""
        return {n: shown & (n == name) for n, shown in self.present.items()}

    def decode(
        self, z: Float[Array, "*K B D"], names: tuple[str, ...] = (), model: Any = None
    ) -> dict[str, Reconstruction]:
        """How well latents tell the data of some modalities ((): of all), by `model` if given."""
        data = {name: self.inputs[name] for name in names or self.names}
        one = lambda z: (model or self.model).reconstruct(z, data, self.keys(_HIDDEN), train=True)
        for _ in range(z.ndim - 2):
            one = jax.vmap(one)
        return one(z)

    def losses(self, decoded: dict[str, Reconstruction]) -> dict[str, Float[Array, "*K B"]]:
        """{name: L_m}: weighted negative log-likelihoods, 0 where the modality is absent.

        A loss that is a sum over units (tokens) counts as a mean: it is divided by the units of
        a mean row, so that the mean over rows is that of the default objective.
        """
        weighted = {}
        for name, (loss, units, _) in decoded.items():
            shown = self.present[name]
            units = units.reshape(-1, *shown.shape)[0]  # those of all latents
            weight = self.settings.loss.weights[name] / mean_over_all(shown * units, shown)
            weighted[name] = jnp.where(_lifted(shown, loss), weight * loss, 0.0)
        return weighted

    def total(self, decoded: dict[str, Reconstruction]) -> Float[Array, "*K B"]:
        """Sum of `losses`."""
        return sum(self.losses(decoded).values())

    def codes(self) -> dict[str, Float[Array, "B W"]]:
        """A sample of every private code, given its modality; of its prior where that is absent."""
        codes = {}
        for place, (name, own) in enumerate(self.private.items()):
            prior = self.model.code_prior(name, len(self.any))
            code = gaussian.chosen(self.present[name], own, prior)
            codes[name] = self.keys.sample(code, CODES + place)
        return codes

    @property
    def private(self) -> Experts:
        """{name: Gaussian of w_m}; {} where there are no private codes."""
        layout = self.model.layout
        return layout.private_of(self.experts) if layout.private else {}

    def private_kl(self) -> Float[Array, " B"]:
        """KL of the present private codes to N(0, I), weighed by `private_kl`."""
        weight = self.settings.objective.private_kl
        terms = [self.present[name] * kl(code) for name, code in self.private.items()]
        return weight * sum(terms, jnp.zeros(len(self.any)))

    def mean(
        self, values: Float[Array, " B"], counted: Bool[Array, " B"] | None = None
    ) -> Float[Array, ""]:
        """This device's share of the mean over `counted` rows, by default those with anything."""
        counted = self.any if counted is None else counted
        return global_mean(jnp.where(counted, values, 0.0), counted)


def rows_of(model: Any, batch: Batch, keys: Keys, settings: Settings) -> Rows:
    """Rows of a batch, encoded once."""
    inputs = inputs_of(batch)
    experts = model.encode(inputs, keys(_DROPPED))
    shared = model.layout.shared_of({name: experts[name] for name in inputs})
    return Rows(model, inputs, present_in(batch), keys, settings, experts, shared)


def any_of(present: Present) -> Bool[Array, " B"]:
    """Rows that have some of it."""
    return jnp.any(jnp.stack(list(present.values())), axis=0)


def kl(q: Posterior, p: Gaussian | None = None) -> Float[Array, " B"]:
    """KL(q || p) of Gaussians summed over dimensions, nats; by default to N(0, I)."""
    return jnp.sum(q.kl() if p is None else gaussian.kl(q, p), axis=-1)


def _lifted(shown, values):
    return jnp.broadcast_to(shown, values.shape)
