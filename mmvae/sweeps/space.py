"""What a sweep varies: values to choose from, ranges to sample from, cases of several fields."""

import itertools
import math
from typing import NamedTuple

import numpy as np

from mmvae.errors import UserError

_DIGITS = 4  # significant ones of a sampled number

Value = bool | int | float | str
Setting = dict[str, Value]  # by dotted field


class Range(NamedTuple):
    """Numbers from `low` to `high`, evenly or evenly in their logarithm, whole or not."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> float:
        """The number at a share in [0, 1] of the range, rounded to few digits."""
        if self.log:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else float(f"{value:.{_DIGITS}g}")


class Space(NamedTuple):
    """What may vary.

    Attributes:
        choices: values to choose from, by field.
        ranges: numbers to sample from, by field.
        cases: fields that change together, by a name; {} for none.
    """

    choices: dict[str, list[Value]]
    ranges: dict[str, Range]
    cases: dict[str, Setting]

    @property
    def fields(self) -> list[str]:
        """Every field that varies."""
        together = {field for case in self.cases.values() for field in case}
        return [*self.choices, *self.ranges, *sorted(together)]


def grid(space: Space) -> list[Setting]:
    """Every combination of values, the last field fastest.

    Raises:
        UserError: the space has ranges, which have no end of values.
    """
    if space.ranges:
        field = next(iter(space.ranges))
        raise UserError(
            f"{field} is a range, which a grid cannot go through; type --random 20, or values: "
            f"--grid {field}=A,B,C."
        )
    cases = list(space.cases.values()) or [{}]
    products = itertools.product(*space.choices.values())
    settings = [dict(zip(space.choices, values, strict=True)) for values in products]
    return [case | setting for case in cases for setting in settings]


def sample(space: Space, index: int) -> Setting:
    """The setting of random trial `index`: always the same."""
    random = np.random.default_rng([0, index])
    cases = list(space.cases.values()) or [{}]
    setting = dict(cases[random.integers(len(cases))])
    for field, values in space.choices.items():
        setting[field] = values[random.integers(len(values))]
    for field, numbers in space.ranges.items():
        setting[field] = numbers.at(random.random())
    return setting


def parse_choices(text: str) -> tuple[str, list[Value]]:
    """(field, values) of "train.batch_size=8,16,32".

    Raises:
        UserError: another form.
    """
    field, equals, values = text.partition("=")
    if not equals or not field or not all(values.split(",")):
        raise UserError(f"--grid {text} must be FIELD=VALUE,VALUE, such as train.batch_size=8,16.")
    return bare(field), [number(value) for value in values.split(",")]


def parse_range(text: str) -> tuple[str, Range]:
    """(field, Range) of "optimizer.learning_rate=1e-4:1e-2:log"; whole where both ends are.

    Raises:
        UserError: another form, or ends that make no range.
    """
    field, _, rest = text.partition("=")
    parts = rest.split(":")
    ends = [number(part) for part in parts[:2]]
    numeric = len(ends) == 2 and all(isinstance(end, int | float) for end in ends)
    if not field or not numeric or parts[2:] not in ([], ["log"]):
        raise UserError(
            f"--range {text} must be FIELD=LOW:HIGH or FIELD=LOW:HIGH:log, such as "
            f"optimizer.learning_rate=1e-4:1e-2:log."
        )
    return bare(field), between(bare(field), *ends, log=len(parts) == 3)


def between(field: str, low: float, high: float, log: bool = False) -> Range:
    """A checked Range.

    Raises:
        UserError: ends in the wrong order, or a logarithmic range that reaches 0.
    """
    if not low < high or (log and low <= 0):
        need = "0 < LOW < HIGH" if log else "LOW < HIGH"
        raise UserError(f"the range of {field}, {low} to {high}, must have {need}.")
    return Range(low, high, log, isinstance(low, int) and isinstance(high, int))


def bare(field: str) -> str:
    """A field's dotted path without "--" and "config." in front."""
    return field.strip().removeprefix("--").removeprefix("config.")


def number(text: str) -> int | float | str:
    """The int or float that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
