"""What is fitted after training, for one checkpoint, and stored with the run."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flax import traverse_util
from jaxtyping import PyTree

from mmvae.errors import UserError
from mmvae.files import whole
from mmvae.models.aggregate_posterior import AggregatePosterior
from mmvae.runs.directory import SAMPLERS


@dataclass(frozen=True)
class Samplers:
    """Samplers of the latents of one checkpoint.

    Attributes:
        step: the checkpoint.
        aggregate: the mixture, for the sampler "gmm".
        prior: parameters of the learned prior, for the sampler "flow".
    """

    step: int
    aggregate: AggregatePosterior
    prior: PyTree

    def save(self, run: Path) -> None:
        """Write the file of a run directory."""
        arrays = {"step": np.asarray(self.step)}
        arrays |= {f"aggregate/{name}": value for name, value in self.aggregate.arrays.items()}
        flat = traverse_util.flatten_dict(self.prior, sep="/")
        arrays |= {f"prior/{name}": np.asarray(value) for name, value in flat.items()}
        with whole(run / SAMPLERS) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, run: Path) -> "Samplers | None":
        """The samplers of a run directory, or None if it has none.

        Raises:
            UserError: the file is damaged.
        """
        path = run / SAMPLERS
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file) as stored:
                arrays = dict(stored)
                return cls(
                    int(arrays["step"]),
                    AggregatePosterior(_below("aggregate/", arrays)),
                    traverse_util.unflatten_dict(_below("prior/", arrays), sep="/"),
                )
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} is damaged ({error}); delete it and train again: only it is made anew."
            ) from error


def _below(prefix, arrays):
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
