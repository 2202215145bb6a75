"""The protocol that every writer follows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

Vectors = Mapping[str, Shaped[np.ndarray, "..."]]
Pictures = Mapping[str, UInt8[np.ndarray, "H W C"]]


class Writer:
    """Where a run's results go. Every method does nothing: a writer overrides what it keeps.

    Names carry their group: "train/loss_total", "val/image_mse", "system/cpu_percent".
    `keep_on_failure` says what `Writers` does after an exception: try again next time (a disk
    may have room again) or switch the writer off (a broken service stays broken).
    """

    keep_on_failure = False

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One row of numbers, {name: float}; an `epoch` may be among them."""

    def histograms(self, step: int, values: Vectors) -> None:
        """Distributions, {name: array of any shape}."""

    def images(self, step: int, pictures: Pictures) -> None:
        """Pictures, {name: uint8 [H, W, C]}, one tiled grid per name."""

    def table(
        self, step: int, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """A table: `columns` are names, `rows` lists of str, numbers or uint8 [H, W, C]."""

    def summary(self, values: Mapping[str, Any]) -> None:
        """Values that describe the whole run, such as its best scores; later ones replace."""

    def close(self) -> None:
        """Finish; nothing is written afterwards."""
