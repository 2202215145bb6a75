"""A criterion: when it is judged, how, and what a baseline scores."""

from collections.abc import Callable
from typing import NamedTuple

from mmvae.reporting.runs import Run

Measure = Callable[[Run, int], tuple[bool | None, str]]
Trivial = Callable[[Run], tuple[str, str]]


class Criterion(NamedTuple):
    """What a run should reach.

    Attributes:
        first, last: epochs it belongs to; 0 where `mmvae.evaluate` measures it, at any time.
        after: whether it is judged after the last of them alone.
        words: what is asked for.
        measure: of a run and the last epoch, whether it is met (None: not known), and in words.
        trivial: of a run, what a trivial answer scores, and a note where that tells nothing.
    """

    first: int
    last: int
    after: bool
    words: str
    measure: Measure
    trivial: Trivial
