"""How the numbers of a metric are told."""

from typing import NamedTuple


class Format(NamedTuple):
    """How a number is printed, which way is better, and its unit.

    Attributes:
        spec: as `format` takes it.
        better: "higher", "lower", or what is usual; "" for a number that judges nothing.
        unit: "" for a number without one.
    """

    spec: str
    better: str = ""
    unit: str = ""
