"""What is answered to a split: by a model, once however many families measure it; or by anyone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from mmvae.evaluation.estimates import Estimate
from mmvae.evaluation.split import Split
from mmvae.inference.fixed_batches import in_batches
from mmvae.inference.pairs import Pairs
from mmvae.inference.session import Session

# What is shown, by the end of a metric's name: everything, or one side alone.
GIVEN = {"": ("image", "caption"), "_from_image": ("image",), "_from_caption": ("caption",)}
_CAPTIONED = ("", "_from_image")  # from its caption alone a caption is no news


class Scores(NamedTuple):
    """What a language model says of true captions, summed over the tokens of each.

    Attributes:
        log_probability: in nats.
        hits: tokens that were the likeliest.
        tokens: their number, the end included.
    """

    log_probability: Float[np.ndarray, " N"]
    hits: Float[np.ndarray, " N"]
    tokens: Float[np.ndarray, " N"]


class Said(NamedTuple):
    """Captions written for a split, and the scores of the true ones; None where there are none."""

    written: Sequence[str] | None = None
    scores: Scores | None = None


@dataclass(frozen=True)
class Answers:
    """Answers to a split, under the keys of `GIVEN` that get the same one.

    Attributes:
        images: {keys: pictures}.
        captions: {keys: captions}.
        new: generated pairs, from what generates any.
        vectors: unit vectors [N, E] of pictures and of captions that should find each other.
    """

    images: dict[tuple[str, ...], UInt8[np.ndarray, "N H W C"]] = field(default_factory=dict)
    captions: dict[tuple[str, ...], Said] = field(default_factory=dict)
    new: Pairs | None = None
    vectors: tuple[Float[np.ndarray, "N E"], Float[np.ndarray, "N E"]] | None = None


class ModelAnswers:
    """The `Answers` of a `Session` to a `Split`, each computed when it is first asked for.

    Pictures and captions are decoded from posterior means, captions greedily; `num` pairs are
    generated from `seed` on, by the sampler that `generate` takes unless told otherwise.
    """

    def __init__(self, session: Session, test: Split, seed: int, num: int) -> None:
        self.session, self.test, self.seed, self.num = session, test, seed, num
        self._latents = lru_cache(maxsize=None)(self._posterior_means)

    @cached_property
    def images(self) -> dict[tuple[str, ...], UInt8[np.ndarray, "N H W C"]]:
        """Pictures decoded from either side and from both."""
        return {(given,): self.session.decode_images(self._latents(given)) for given in GIVEN}

    @cached_property
    def captions(self) -> dict[tuple[str, ...], Said]:
        """Captions of both sides and of the picture alone, with scores by teacher forcing."""
        return {(given,): self._said(self._latents(given)) for given in _CAPTIONED}

    @cached_property
    def new(self) -> Pairs:
        """Generated pairs."""
        return self.session.generate(self.num, self.seed)

    def _said(self, latents):
        score = partial(_teacher_forced, self.session.model, self.session.params)
        scores = Scores(*in_batches(score, latents, self.test.ids))
        return Said(self.session.decode_captions(latents)[0], scores)

    def _posterior_means(self, given):
        """Posterior means [N, D]; `given` is a key of GIVEN."""
        pairs = {"image": self.test.images, "caption": self.test.captions}
        return self.session.encode(**{name: pairs[name] for name in GIVEN[given]})[0]


def under(keys: tuple[str, ...], values: dict[str, Estimate]) -> dict[str, Estimate]:
    """The same values for each of some keys of `GIVEN`, which end their names."""
    return {name + key: value for key in keys for name, value in values.items()}


@partial(jax.jit, static_argnums=0)
def _teacher_forced(model, params, latents, ids):
    decoded = model.bind({"params": params}).reconstruct(latents, {"caption": ids})["caption"]
    loss, tokens, metrics = decoded
    hits, _ = metrics["accuracy"]
    return -loss, hits, tokens.astype(jnp.float32)
