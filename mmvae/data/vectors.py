"""Vectors of named numbers: tabular rows, or features that another program computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mmvae.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Vector:
    """Numbers, float32 [F], NaN where unknown. They train best at about unit scale.

    Users give an array [N, F], or texts such as "height=1.5, width=2" or dicts, and see text.

    Attributes:
        names: of the numbers, in the order of a row.
    """

    names: tuple[str, ...]
    dtype = np.dtype(np.float32)
    encoded = False

    @property
    def shape(self) -> tuple[int]:
        """(F,)."""
        return (len(self.names),)

    def blank(self, rows: int) -> Float[np.ndarray, "B F"]:
        """Nothing known."""
        return np.full((rows, *self.shape), np.nan, self.dtype)

    def present(self, data: Float[np.ndarray, "B F"]) -> Bool[np.ndarray, " B"]:
        """Rows of which some number is known."""
        return np.any(np.isfinite(data), axis=1)

    def stored(self, records: Any) -> Float[np.ndarray, "N F"]:
        """The stored ground truth of these names; what it does not tell is unknown.

        Raises:
            UserError: a value that is no number.
        """
        return self.parsed(
            [{name: row.get(name) for name in self.names} for row in records.attributes]
        )

    def parsed(
        self, values: Float[np.ndarray, "N F"] | Sequence[str | Mapping[str, Any]]
    ) -> Float[np.ndarray, "N F"]:
        """Data of an array, of N texts "name=number, ..." or dicts.

        Raises:
            UserError: a name that there is not, or a value that is no number.
        """
        if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
            return values.astype(self.dtype).reshape(-1, *self.shape)
        rows = [value if isinstance(value, Mapping) else _pairs(value) for value in values]
        data = [[_number(name, row.get(name)) for name in self.names] for row in rows]
        for name in {name for row in rows for name in row if name not in self.names}:
            raise UserError(
                f"{name} is no number of this model; it has: {', '.join(self.names)}"
                f"{did_you_mean(name, self.names)}"
            )
        return np.array(data, self.dtype).reshape(-1, *self.shape)

    def shown(self, data: Float[np.ndarray, "N F"]) -> list[str]:
        """N texts such as "height=1.5, width=2"; what is unknown is left out."""
        known = lambda row: [(n, x) for n, x in zip(self.names, row) if np.isfinite(x)]
        return [", ".join(f"{name}={value:.4g}" for name, value in known(row)) for row in data]

    def random(self, rng: np.random.Generator, rows: int) -> Float[np.ndarray, "B F"]:
        """Standard normal noise."""
        return rng.normal(size=(rows, *self.shape)).astype(self.dtype)

    def derived(self, means: Mapping[str, float]) -> dict[str, float]:
        """Nothing more."""
        return {}

    def describe(self) -> str:
        """Such as "3 numbers"."""
        return f"{len(self.names)} numbers"


def _pairs(text):
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): value.strip() for name, _, value in parts}


def _number(name, value):
    if value is None:
        return np.nan
    try:
        return float(value)
    except ValueError:
        raise UserError(f"{name}={value} is no number; write such as {name}=1.5.") from None
