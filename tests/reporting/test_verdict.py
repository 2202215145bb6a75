"""Levels of figures."""

from mmvae.reporting.verdict import GOOD, LOOK, UNKNOWN, WRONG, above, below, worst


def test_levels():
    assert [above(x, 1, 2) for x in (0.5, 1.5, 2.5)] == [GOOD, LOOK, WRONG]
    assert [below(x, 2, 1) for x in (2.5, 1.5, 0.5)] == [GOOD, LOOK, WRONG]
    assert worst([GOOD, UNKNOWN, LOOK]) == LOOK and worst([]) == UNKNOWN
