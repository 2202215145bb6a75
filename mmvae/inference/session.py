"""Session: what a trained model does for its users. NumPy in, NumPy and strings out.

Row i depends on its own seed and inputs alone: work is cut into batches of one fixed shape,
and every row has its own key. No TensorFlow.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Shaped
from ml_collections import ConfigDict

from mmvae import config as configs
from mmvae.data import modalities
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError, did_you_mean
from mmvae.inference import decoding, latents
from mmvae.inference.fixed_batches import in_batches
from mmvae.inference.latents import GUIDANCE
from mmvae.inference.pairs import PairVerbs
from mmvae.inference.samplers import SAMPLERS
from mmvae.models import adapters
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.models.fusion import Posterior
from mmvae.models.mmvae import Experts
from mmvae.objectives import family
from mmvae.runs import directory
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.samplers import Samplers

Latents = Float[np.ndarray, "N D"]


class Session(PairVerbs):
    """A model with its parameters and tokenizer; made by `load`, or by training itself.

    What is given stands under its modality's name: `encode(image=pictures)`,
    `encode(caption=texts, label=["shape=heart"])`; None is the same as absent.

    Args:
        config: the run's whole configuration.
        params: parameters of the model (those of the moving average in a run).
        tokenizer: of the run's captions.
        step: the checkpoint that the parameters are of, or None.
        aggregate: the fitted mixture, for the sampler "gmm", or None.
    """

    def __init__(
        self,
        config: ConfigDict,
        params: Mapping[str, Any],
        tokenizer: Tokenizer,
        step: int | None = None,
        aggregate: AggregatePosterior | None = None,
    ) -> None:
        self.config, self.params, self.tokenizer = config, params, tokenizer
        self.step, self.aggregate = step, aggregate
        self.modalities = modalities.of_run(config, tokenizer)
        self.model = family.build(config, self.modalities)

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
        return self.model.latent_dim

    @property
    def written(self) -> list[str]:
        """Modalities that are written token by token."""
        return [name for name, d in self.model.decoders.items() if hasattr(d, "writer")]

    def encode(self, **given: Any) -> tuple[Latents, Latents]:
        """Posterior (mean, standard deviation) of the latent given some modalities."""
        _, joint = in_batches(self.posteriors, *self.inputs(given))
        return np.asarray(joint.mean), np.asarray(joint.deviation)

    def posteriors(
        self,
        inputs: Mapping[str, Shaped[np.ndarray, "N ..."]],
        present: Mapping[str, Shaped[np.ndarray, "N ..."]],
    ) -> tuple[Experts, Posterior]:
        """(experts, joint posterior) of a batch for the model, as `inputs` makes it."""
        return jax.device_get(latents.posteriors(self.model, self.params, inputs, present))

    def project(self, **given: Any) -> Float[np.ndarray, "N E"]:
        """Unit vectors of one modality, for retrieval by dot product."""
        ((name, values),) = given.items()
        data, _ = self.inputs({name: values})
        project = functools.partial(latents.projected, self.model, name, self.params)
        return in_batches(project, data[name])

    def sample_latents(
        self,
        seeds: Sequence[int],
        sampler: str = "flow",
        temperature: float = 1.0,
        guidance: float = GUIDANCE,
        **given: Any,
    ) -> Latents:
        """Latents given some modalities or nothing, one for each seed.

        `sampler` is a name of `samplers.SAMPLERS`, where temperature and guidance are explained.

        Raises:
            UserError: an unknown sampler, or one that cannot do this.
        """
        if sampler not in SAMPLERS:
            raise UserError(f"sampler '{sampler}' is unknown; choose one of {', '.join(SAMPLERS)}")
        inputs, present = self.inputs(given, len(seeds))
        seeds = np.asarray(seeds, np.uint32)
        return SAMPLERS[sampler](self, seeds, inputs, present, temperature, guidance)

    def decode_as(self, name: str, latents: Latents, seeds: Sequence[int] | None = None) -> Any:
        """One modality of latents, as users see it: the mean, or the likeliest.

        With a seed for each row it is sampled.
        """
        self._check_names([name])
        fixed = self.model, name, self.params
        if seeds is None:
            data = in_batches(functools.partial(decoding.likeliest, *fixed), latents)
        else:
            seeds = np.asarray(seeds, np.uint32)
            data = in_batches(functools.partial(decoding.sample, *fixed), latents, seeds)
        return self.modalities[name].shown(data)

    def write(
        self,
        name: str,
        latents: Latents,
        seeds: Sequence[int] | None = None,
        temperature: float = 0.0,
        top_p: float = 1.0,
        beams: int = 1,
    ) -> tuple[list[str], Float[np.ndarray, " N"]]:
        """Texts of latents in a modality of `written`, and their mean log-probabilities.

        Temperature 0 is greedy, or a search with `beams` hypotheses; otherwise tokens are
        sampled, with a seed for each row, from the smallest set of probability `top_p`.

        Raises:
            UserError: a modality that is not written, or beams with a temperature.
        """
        if name not in self.written:
            raise UserError(
                f"{name} is not written token by token; it can be: {', '.join(self.written)}"
            )
        if temperature > 0 and beams > 1:
            raise UserError("beams search for the likeliest caption: leave the temperature at 0.")
        fixed = self.model, name
        if temperature > 0:
            seeds = np.arange(len(latents)) if seeds is None else seeds
            numbers = np.float32(temperature), np.float32(top_p)
            function = functools.partial(decoding.sampled, *fixed, self.params, *numbers)
            ids, scores = in_batches(function, latents, np.asarray(seeds, np.uint32))
        else:
            search = functools.partial(decoding.beam_search, *fixed, beams)
            greedy = functools.partial(decoding.greedy, *fixed)
            function = functools.partial(search if beams > 1 else greedy, self.params)
            ids, scores = in_batches(function, latents)
        return self.modalities[name].shown(ids), scores

    def inputs(
        self, given: Mapping[str, Any], count: int | None = None
    ) -> tuple[dict[str, Shaped[np.ndarray, "N ..."]], dict[str, Shaped[np.ndarray, "N ..."]]]:
        """(data, presence) of all modalities for the model; what is not given is blank.

        Raises:
            UserError: a name that is no modality of this model, or nothing given and no `count`.
        """
        self._check_names(given)
        given = {name: values for name, values in given.items() if values is not None}
        if given:
            count = len(next(iter(given.values())))
        if count is None:
            raise UserError(f"nothing is given; give one of: {', '.join(self.modalities)}")
        data, present = {}, {}
        for name, modality in self.modalities.items():
            shown = name in given
            data[name] = modality.parsed(given[name]) if shown else modality.blank(count)
            present[name] = modality.present(data[name]) if shown else np.zeros(count, bool)
        return data, present

    def _check_names(self, names):
        for name in names:
            if name not in self.modalities:
                raise UserError(
                    f"{name} is no modality of this model; it has: {', '.join(self.modalities)}"
                    f"{did_you_mean(name, self.modalities)}"
                )
