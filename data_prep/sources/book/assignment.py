"""Which pictures get which caption block, in one stretch of a page: each block is given once.

A block that stands directly after or directly before a picture is a candidate. Of all ways to
give the blocks away the one is chosen that serves most pictures; among those, the one that keeps
most to where this page puts its captions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from data_prep.sources.book.tokens import Block, Break, Gap, Pictures, Text, Token
from data_prep.stages import captions

Given = list[tuple[Pictures, Block]]

_MOST_FIRST = 100.0  # more than all other costs of a pair together
_OTHER_SIDE = 1.0  # the block stands where this page does not put captions
_SAYS_NOTHING = 0.5
_GAP = 0.1


@dataclass(frozen=True)
class Custom:
    """Where a page puts its captions."""

    above: bool = False


def assign(tokens: Sequence[Token], custom: Custom, box: bool = False) -> Given:
    """The pictures that get a block, with it, of a stretch in reading order.

    Args:
        tokens: what stands there.
        custom: where the page puts its captions, for what could be read either way.
        box: whether the stretch is one figure: then a single caption is for all its pictures,
            and as many captions as pictures are theirs in order.
    """
    return [pair for run in _runs(tokens) for pair in _assign(run, custom, box)]


def lean(tokens: Sequence[Token]) -> int:
    """Number of pictures that have captions below them, less those with captions above, among
    the stretches that can be read in one way only."""
    return sum(map(_lean, _runs(tokens)))


def says_something(text: str) -> bool:
    """Whether a text tells of a picture, and is not only its number."""
    return not captions.judged(text)[1]


def _runs(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Stretches without a text or a settled figure between their tokens."""
    run: list[Token] = []
    for token in tokens:
        if isinstance(token, Text | Break):
            yield run
            run = []
        else:
            run.append(token)
    yield run


def _assign(run, custom, box):
    units = [token for token in run if isinstance(token, Pictures)]
    blocks = [token for token in run if isinstance(token, Block)]
    if not units or not blocks:
        return []
    singles = [Pictures([element]) for unit in units for element in unit.elements]
    together = box or len(units) == 1
    if together and len(singles) == len(blocks) and all(block.marked for block in blocks):
        return list(zip(singles, blocks, strict=True))
    ends = [token for token in run if not isinstance(token, Gap)]
    if box and len(blocks) == 1 and blocks[0] in (ends[0], ends[-1]):
        return [(Pictures([element for unit in units for element in unit.elements]), blocks[0])]
    return _nearest(run, units, blocks, custom)


def _nearest(run, units, blocks, custom):
    """Pairs of neighbours: as many as there can be, at the least cost."""
    costs = np.zeros((len(units), len(blocks)))  # 0: no pair
    for unit, block, above, gaps in _neighbours(run):
        if not block.marked and (above != custom.above or gaps):
            continue  # what only looks like a caption must stand just where captions are
        cost = _OTHER_SIDE * (above != custom.above) + _GAP * gaps
        cost += _SAYS_NOTHING * (not _tells(block))
        costs[units.index(unit), blocks.index(block)] = cost - _MOST_FIRST
    rows, columns = linear_sum_assignment(costs)
    return [(units[i], blocks[j]) for i, j in zip(rows, columns, strict=True) if costs[i, j] < 0]


def _tells(token):
    return isinstance(token, Block) and any(map(says_something, token.texts))


def _neighbours(run):
    """(pictures, block, whether the block stands above, number of gaps) of each neighbours."""
    last, gaps = None, 0
    for token in run:
        if isinstance(token, Gap):
            gaps += 1
            continue
        if isinstance(last, Pictures) and isinstance(token, Block):
            yield last, token, False, gaps
        if isinstance(last, Block) and isinstance(token, Pictures):
            yield token, last, True, gaps
        last, gaps = token, 0


def _lean(run):
    order = [t for t in run if isinstance(t, Pictures) or _tells(t)]
    turns = all(type(a) is not type(b) for a, b in zip(order, order[1:], strict=False))
    if len(order) < 2 or len(order) % 2 or not turns:
        return 0
    number = len(order) // 2
    if isinstance(order[0], Pictures):
        return number
    marked = all(token.marked for token in order if isinstance(token, Block))
    return -number if marked or number > 1 else 0  # one centred line may be a title
