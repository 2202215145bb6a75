"""A verdict: an answer in words, the figures behind it, and what to try next."""

from collections.abc import Iterable
from dataclasses import dataclass

GOOD, LOOK, WRONG, UNKNOWN = "good", "look here", "wrong", "unknown"
_ORDER = (UNKNOWN, GOOD, LOOK, WRONG)


@dataclass(frozen=True)
class Figure:
    """One number behind a verdict.

    Attributes:
        label: what it is, with its unit.
        value: the number as text.
        healthy: the threshold in words; "" for a number that only informs.
        level: GOOD, LOOK, WRONG, or UNKNOWN where it judges nothing.
        advice: a sentence of what to try where the level is not good.
    """

    label: str
    value: str
    healthy: str = ""
    level: str = UNKNOWN
    advice: str = ""

    @property
    def bad(self) -> bool:
        """Whether it judges, and not well."""
        return self.level in (LOOK, WRONG)


@dataclass(frozen=True)
class Verdict:
    """The answer to one question about a run.

    Attributes:
        question: as a user asks it.
        answer: one or two sentences.
        figures: the judging ones first.
        meaning: how to read the figures.
        advice: sentences of what to try next, most promising first.
        level: the worst of the figures' levels unless given.
    """

    question: str
    answer: str
    figures: tuple[Figure, ...]
    meaning: str
    advice: tuple[str, ...] = ()
    level: str = ""

    def __post_init__(self) -> None:
        if not self.level:
            object.__setattr__(self, "level", worst(figure.level for figure in self.figures))


def remedies(figures: Iterable[Figure]) -> tuple[str, ...]:
    """The advice of the bad figures, each once."""
    return tuple(dict.fromkeys(f.advice for f in figures if f.bad and f.advice))


def worst(levels: Iterable[str]) -> str:
    """The worst level; UNKNOWN where none judges."""
    return max(levels, key=_ORDER.index, default=UNKNOWN)


def above(value: float, look: float, wrong: float) -> str:
    """Level of a value that should be small: LOOK above `look`, WRONG above `wrong`."""
    return WRONG if value > wrong else LOOK if value > look else GOOD


def below(value: float, look: float, wrong: float) -> str:
    """Level of a value that should be large: LOOK below `look`, WRONG below `wrong`."""
    return WRONG if value < wrong else LOOK if value < look else GOOD


def unknown(question: str, why: str) -> Verdict:
    """The verdict where the logs lack what it needs."""
    return Verdict(question, why, (), "", level=UNKNOWN)
