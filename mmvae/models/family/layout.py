"""The latent as one vector of a shared part and a private code for each modality.

z = [u, w_1, ..., w_M]: samplers, the learned prior and measures see z whole; the decoder of
modality m reads [u, w_m]; its encoder gives a Gaussian of [u, w_m]. Without private codes z is u.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mmvae.models.fusion import Posterior
from mmvae.models.gaussian import Gaussian
from mmvae.models.mixture import Mixture


@dataclass(frozen=True)
class Layout:
    """Where the parts of a latent lie.

    Attributes:
        names: of the modalities, in the order of their codes.
        shared: dimensions of u.
        private: dimensions of each w_m.
    """

    names: tuple[str, ...]
    shared: int
    private: int = 0

    @property
    def total(self) -> int:
        """Dimensions of z."""
        return self.shared + self.private * len(self.names)

    def shared_of(self, experts: Mapping[str, Gaussian]) -> dict[str, Gaussian]:
        """{name: Gaussian of u} of the encoders' Gaussians of [u, w_m]."""
        return {name: self.split(expert)[0] for name, expert in experts.items()}

    def private_of(self, experts: Mapping[str, Gaussian]) -> dict[str, Gaussian]:
        """{name: Gaussian of w_m} of the modalities that have an expert."""
        own = [name for name in self.names if name in experts]
        return {name: self.split(experts[name])[1] for name in own}

    def split(self, expert: Gaussian) -> tuple[Gaussian, Gaussian]:
        """An encoder's posterior of [u, w_m] as that of u and that of w_m."""
        shared = jax.tree.map(lambda x: x[..., : self.shared], expert)
        return shared, jax.tree.map(lambda x: x[..., self.shared :], expert)

    def code(self, z: Float[Array, "*B D"], name: str) -> Float[Array, "*B E"]:
        """[u, w_m] of z: what the decoder of modality `name` reads."""
        if not self.private:
            return z
        start = self.shared + self.private * self.names.index(name)
        own = z[..., start : start + self.private]
        return jnp.concatenate([z[..., : self.shared], own], axis=-1)

    def join(
        self, u: Float[Array, "*B U"], codes: Mapping[str, Float[Array, "*B W"]]
    ) -> Float[Array, "*B D"]:
        """z of its parts; `codes` are not read where there are none."""
        if not self.private:
            return u
        return jnp.concatenate([u, *(codes[name] for name in self.names)], axis=-1)

    def with_codes(self, shared: Posterior, codes: Mapping[str, Gaussian]) -> Posterior:
        """The posterior of z from that of u and those of the codes."""
        if not self.private:
            return shared
        if not isinstance(shared, Mixture):
            return joined(shared, *(codes[name] for name in self.names))
        count = shared.log_weights.shape[1]
        repeat = lambda x: jnp.repeat(x[:, None], count, axis=1)
        own = [jax.tree.map(repeat, codes[name]) for name in self.names]
        return Mixture(joined(shared.components, *own), shared.log_weights)


def joined(*parts: Gaussian) -> Gaussian:
    """One posterior of independent ones [..., D_i], side by side."""
    return jax.tree.map(lambda *x: jnp.concatenate(x, axis=-1), *parts)
