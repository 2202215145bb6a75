"""Labels: categorical attributes, each of some classes, any of them unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32

from mmvae.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Label:
    """Categorical attributes, int32 [A]: 0 where unknown, else 1 + the place of its class.

    Users give and see text such as "shape=heart, size=big", or dicts.

    Attributes:
        classes: ((attribute, (class, ...)), ...), in the order of a row.
    """

    classes: tuple[tuple[str, tuple[str, ...]], ...]
    dtype = np.dtype(np.int32)
    encoded = False

    @property
    def shape(self) -> tuple[int]:
        """(A,)."""
        return (len(self.classes),)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of classes of each attribute."""
        return tuple(len(names) for _, names in self.classes)

    def blank(self, rows: int) -> Int32[np.ndarray, "B A"]:
        """Nothing known."""
        return np.zeros((rows, *self.shape), self.dtype)

    def present(self, data: Int32[np.ndarray, "B A"]) -> Bool[np.ndarray, " B"]:
        """Rows of which some attribute is known."""
        return np.any(data > 0, axis=1)

    def stored(self, records: Any) -> Int32[np.ndarray, "N A"]:
        """The stored ground truth; what it does not tell is unknown.

        Raises:
            UserError: a class that the configuration does not name.
        """
        names = [name for name, _ in self.classes]
        return self.parsed([{name: row.get(name) for name in names} for row in records.attributes])

    def parsed(self, values: Sequence[str | Mapping[str, str]]) -> Int32[np.ndarray, "N A"]:
        """Data of N texts "attribute=class, ..." or dicts.

        Raises:
            UserError: an attribute or a class that there is not.
        """
        rows = [value if isinstance(value, Mapping) else _pairs(value) for value in values]
        for row in rows:
            self._check_names(row)
        data = [[self._number(row, *one) for one in self.classes] for row in rows]
        return np.array(data, self.dtype).reshape(-1, *self.shape)

    def shown(self, data: Int32[np.ndarray, "N A"]) -> list[str]:
        """N texts such as "shape=heart, size=big"; what is unknown is left out."""
        known = lambda row: [(n, c[k - 1]) for (n, c), k in zip(self.classes, row) if k]
        return [", ".join(f"{name}={value}" for name, value in known(row)) for row in data]

    def random(self, rng: np.random.Generator, rows: int) -> Int32[np.ndarray, "B A"]:
        """Every class as often as the others."""
        return rng.integers(1, np.array(self.sizes) + 1, (rows, *self.shape), self.dtype)

    def derived(self, means: Mapping[str, float]) -> dict[str, float]:
        """Nothing more."""
        return {}

    def describe(self) -> str:
        """Such as "3 attributes of 10 classes"."""
        return f"{len(self.classes)} attributes of {sum(self.sizes)} classes"

    def _number(self, row, attribute, names):
        if row.get(attribute) is None:
            return 0
        value = str(row[attribute])
        if value not in names:
            raise UserError(
                f"{attribute}={value} is no class of this model; it knows: {', '.join(names)}"
                f"{did_you_mean(value, names)}"
            )
        return 1 + names.index(value)

    def _check_names(self, row):
        known = [attribute for attribute, _ in self.classes]
        for name in row:
            if name not in known:
                raise UserError(
                    f"{name} is no attribute of this model; it has: {', '.join(known)}"
                    f"{did_you_mean(name, known)}"
                )


def _pairs(text: str) -> dict[str, str]:
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    for name, equals, _ in parts:
        if not equals:
            raise UserError(f"'{name.strip()}' says no class; write ATTRIBUTE=CLASS, ...")
    return {name.strip(): value.strip() for name, _, value in parts}
