"""Session: what a trained model does for its users. NumPy in, NumPy and strings out.

Row i depends on its own seed and inputs alone: work is cut into batches of one fixed shape,
and every row has its own key. No TensorFlow.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from mmvae import config as configs
from mmvae.data.text import PAD, Tokenizer
from mmvae.errors import UserError
from mmvae.inference import decoding
from mmvae.inference import latents as compiled
from mmvae.inference.fixed_batches import in_batches
from mmvae.inference.pairs import Pairs
from mmvae.models import adapters, mmvae
from mmvae.runs import directory
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.samplers import Samplers

SAMPLERS = ("flow", "ancestral", "gmm", "prior")


class Session:
    """A model with its parameters and tokenizer; made by `load`, or by training itself.

    Args:
        config: the run's whole configuration.
        params: parameters of the model (those of the moving average in a run).
        tokenizer: a `text.Tokenizer`.
        step: the checkpoint that the parameters are of, or None.
        aggregate: the fitted `AggregatePosterior`, for the sampler "gmm", or None.
    """

    def __init__(self, config, params, tokenizer: Tokenizer, step=None, aggregate=None):
        self.config, self.params, self.tokenizer = config, params, tokenizer
        self.step, self.aggregate = step, aggregate
        self.shapes = shapes(config, tokenizer)
        self.model = mmvae.build(config.model, self.shapes)

    @classmethod
    def load(cls, run: str | Path, which: str | int = "best") -> "Session":
        """Session of a run directory, at its "best" or "latest" checkpoint or a step (int).

        Raises:
            UserError: no run there, no such checkpoint, or a damaged one.
        """
        run, config = Path(run), configs.of_run(run)
        with Checkpoints(run / directory.CHECKPOINTS, read_only=True) as checkpoints:
            step = checkpoints.step_of(which)
            params = checkpoints.restore_subtree(step, "ema_params")
        samplers = Samplers.load(run)
        # Those of another checkpoint were fitted to latents that mean something else.
        fitted = samplers is not None and samplers.step == step
        aggregate = samplers.aggregate if fitted else None
        params = params | {"prior": samplers.prior} if fitted else params
        params = jax.device_put(adapters.merged(params))
        tokenizer = Tokenizer(run / directory.TOKENIZER)
        return cls(adapters.without(config), params, tokenizer, step, aggregate)

    @property
    def latent_dim(self) -> int:
        """Number of dimensions D of the latent."""
        return self.config.model.latent.dim

    def ids(self, captions: Sequence[str]) -> np.ndarray:
        """Token ids [N, L] int32 of captions."""
        return self.tokenizer.encode(captions, self.shapes["caption"][0])

    def check_caption(self, caption: str) -> None:
        """Refuse a caption that this run's vocabulary knows nothing of.

        Raises:
            UserError: every character of it is unknown.
        """
        if not self.tokenizer.knows(caption):
            raise UserError(
                f"the caption {caption!r} has no characters that this run's vocabulary knows."
            )

    def encode(
        self, image: np.ndarray | None = None, caption: Sequence[str] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Posterior (mean, standard deviation), each [N, D], given either or both.

        `image` uint8 [N, H, W, C]; `caption` N strings. A None modality is absent.
        """
        inputs, present = self._inputs(image, caption)
        _, joint = in_batches(self.posteriors, inputs, present)
        return joint.mean, np.exp(0.5 * joint.logvar)

    def posteriors(self, inputs, present):
        """(experts {name: Gaussian [B, D]}, joint Gaussian [B, D]) of a batch for the model.

        `inputs` {"image": uint8 [B, H, W, C], "caption": ids [B, L]}; `present` {name: [B] bool}.
        """
        return jax.device_get(compiled.posteriors(self.model, self.params, inputs, present))

    def project(
        self, image: np.ndarray | None = None, caption: Sequence[str] | None = None
    ) -> np.ndarray:
        """Unit vectors [N, E] of pictures or of captions, for retrieval by dot product."""
        inputs, _ = self._inputs(image, caption)
        name = "image" if image is not None else "caption"
        project = functools.partial(compiled.projected, self.model, name, self.params)
        return in_batches(project, inputs)

    def sample_latents(
        self,
        seeds: Sequence[int],
        image: np.ndarray | None = None,
        caption: Sequence[str] | None = None,
        sampler: str = "flow",
        temperature: float = 1.0,
        guidance: float = compiled.GUIDANCE,
    ) -> np.ndarray:
        """Latents [N, D] given pictures, captions or nothing, one for each seed.

        `sampler` "flow" is the learned prior; "prior" N(0, I), or the Gaussian posterior of
        what is given, which may be both. Given nothing alone: "ancestral", the learned prior led by
        the caption that a first draw of it tells, and "gmm", the fitted aggregate posterior.
        `temperature` scales the noise. `guidance` of the flow: more is truer to what is given,
        and less varied; 1 is the prior as learned.

        Raises:
            UserError: an unknown sampler, or one that cannot do this.
        """
        if sampler not in SAMPLERS:
            raise UserError(f"sampler '{sampler}' is unknown; choose one of {', '.join(SAMPLERS)}")
        if sampler == "flow" and image is not None and caption is not None:
            raise UserError("sampler 'flow' is given a picture or a caption; 'prior' takes both.")
        if sampler in ("ancestral", "gmm") and not (image is None and caption is None):
            raise UserError(
                f"sampler '{sampler}' makes new pairs only; use 'flow' for a given caption."
            )
        if sampler == "gmm":
            return self._fitted().sample(seeds, temperature)
        if sampler == "ancestral":
            # A pair and its caption agree better when guidance has that caption to go by.
            first = self.sample_latents(seeds, temperature=temperature)
            caption, sampler = self.write(first)[0], "flow"
        inputs, present = self._inputs(image, caption, len(seeds))
        fixed = self.model, self.params, np.float32(temperature)
        if sampler == "flow":
            draw = functools.partial(compiled.flow_draw, *fixed, np.float32(guidance))
        else:
            draw = functools.partial(compiled.normal_draw, *fixed)
        return in_batches(draw, inputs, present, np.asarray(seeds, np.uint32))

    def _fitted(self):
        if self.aggregate is None:
            raise UserError(
                "sampler 'gmm' is not fitted for this checkpoint (training fits it to the best "
                "one when it ends); use sampler 'flow'."
            )
        return self.aggregate

    def decode_images(self, latents: np.ndarray) -> np.ndarray:
        """Pictures uint8 [N, H, W, C] of latents [N, D]."""
        return in_batches(functools.partial(compiled.drawn, self.model, self.params), latents)

    def write(
        self,
        latents: np.ndarray,
        seeds: Sequence[int] | None = None,
        temperature: float = 0.0,
        top_p: float = 1.0,
        beams: int = 1,
    ) -> tuple[list[str], np.ndarray]:
        """Captions (N strings) of latents [N, D] and their mean log-probabilities [N].

        Temperature 0 is greedy, or a search with `beams` hypotheses; otherwise tokens are
        drawn, with a seed for each row, from the smallest set of probability `top_p`.

        Raises:
            UserError: beams with a temperature.
        """
        fixed = self.model, self.shapes["caption"][0]
        if temperature > 0 and beams > 1:
            raise UserError("beams search for the likeliest caption: leave the temperature at 0.")
        if temperature > 0:
            seeds = np.arange(len(latents)) if seeds is None else seeds
            numbers = np.float32(temperature), np.float32(top_p)
            function = functools.partial(decoding.sampled, *fixed, self.params, *numbers)
            ids, scores = in_batches(function, latents, np.asarray(seeds, np.uint32))
        elif beams > 1:
            function = functools.partial(decoding.beam_search, *fixed, beams, self.params)
            ids, scores = in_batches(function, latents)
        else:
            ids, scores = in_batches(
                functools.partial(decoding.greedy, *fixed, self.params), latents
            )
        return self.tokenizer.decode(ids), scores

    def decode(self, latents: np.ndarray, beams: int = 1) -> Pairs:
        """Pairs of latents [N, D]: pictures, and the likeliest captions, as by `write`."""
        captions, scores = self.write(latents, beams=beams)
        return Pairs(self.decode_images(latents), captions, scores, latents)

    def generate(
        self, n: int, seed: int = 0, temperature: float = 1.0, sampler: str = "flow"
    ) -> Pairs:
        """`n` new Pairs; pair i has seed `seed` + i, whatever `n` is."""
        seeds = seed + np.arange(n)
        return self.decode(self.sample_latents(seeds, sampler=sampler, temperature=temperature))

    def caption(self, image: np.ndarray, **options) -> list[str]:
        """Captions (N strings) of pictures uint8 [N, H, W, C]; `options` are those of `write`."""
        return self.write(self.encode(image)[0], **options)[0]

    def draw(self, caption: Sequence[str], seed: int = 0, **options) -> np.ndarray:
        """Pictures uint8 [N, H, W, C] for N captions; picture i has seed `seed` + i.

        `options` are those of `sample_latents`.
        """
        seeds = seed + np.arange(len(caption))
        return self.decode_images(self.sample_latents(seeds, caption=caption, **options))

    def interpolate(self, a: np.ndarray, b: np.ndarray, steps: int) -> Pairs:
        """Pairs along the arc from latent `a` [D] to `b` [D], both included."""
        return self.decode(slerp(a, b, steps))

    def _inputs(self, images, captions, count=None):
        """Model inputs and presence of what is given; absent modalities are blank."""
        given = [x for x in (images, captions) if x is not None]
        count = len(given[0]) if given else count
        blank = {
            "image": np.zeros((count, *self.shapes["image"]), np.uint8),
            "caption": np.full((count, self.shapes["caption"][0]), PAD, np.int32),
        }
        present = {
            "image": np.full(count, images is not None),
            "caption": np.full(count, captions is not None),
        }
        if images is not None:
            blank["image"] = np.asarray(images, np.uint8).reshape(blank["image"].shape)
        if captions is not None:
            blank["caption"] = self.ids(captions)
            present["caption"] = blank["caption"][:, 0] != PAD  # as in training
        return blank, present


def shapes(config, tokenizer):
    """Shapes of the modalities: image (H, W, C), caption (length, vocabulary)."""
    data = config.data
    return {
        "image": (data.image_size, data.image_size, data.channels),
        "caption": (data.caption_length, tokenizer.vocab_size),
    }


def slerp(start, end, steps):
    """`steps` points [steps, D] on the arc between two vectors [D], lengths interpolated.

    The norm of high-dimensional Gaussian draws is nearly constant; straight lines leave that
    shell (White 2016).
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    angle = np.arccos(np.clip(start @ end / (lengths[0] * lengths[1] + 1e-12), -1.0, 1.0))
    share = np.linspace(0.0, 1.0, steps)[:, None]
    if angle < 1e-4 or min(lengths) < 1e-6:  # no arc, or an end without a direction
        return ((1 - share) * start + share * end).astype(np.float32)
    arc = (
        np.sin((1 - share) * angle) * start / lengths[0] + np.sin(share * angle) * end / lengths[1]
    ) / np.sin(angle)
    return (((1 - share) * lengths[0] + share * lengths[1]) * arc).astype(np.float32)
