"""What every decoder offers, whatever it decodes and however: the one protocol.

Feed-forward and autoregressive decoders, and flows, differ inside these methods alone. Each has
one `@nn.compact` method, which they call, so that parameters have one path.
"""

from typing import Any, NamedTuple, Protocol

import jax
from jaxtyping import Array, Float, Key


class Reconstruction(NamedTuple):
    """How well data are told by a latent.

    Attributes:
        loss: negative log-likelihood [B] up to its scale, a sum over `units`.
        units: what the loss is a sum of [B]: 1 for a picture, the tokens of a caption.
        metrics: {name: (sum [B], count [B])}.
    """

    loss: jax.Array
    units: jax.Array
    metrics: dict[str, tuple[jax.Array, jax.Array]]


class Decoder(Protocol):
    """A decoder of one modality, a Flax module. An autoregressive one also has `writer`."""

    def loss(
        self, z: Float[Array, "B D"], data: Any, keys: Key[Array, " B"] | None, train: bool
    ) -> Reconstruction:
        """Of data [B, ...] given latents; `train` hides inputs, by a key for each row."""

    def sample(self, z: Float[Array, "B D"], keys: Key[Array, " B"] | None = None) -> Any:
        """Data [B, ...] of latents; without keys the likeliest, or the mean."""

    def log_prob(self, z: Float[Array, "B D"], data: Any, scale: float = 1.0) -> Float[Array, " B"]:
        """Log-probability of data in nats; `scale` is of the noise, where training leaves it open.

        A decoder without a density (a flow by its velocity) lacks this method, and measures of
        likelihood skip it.
        """
