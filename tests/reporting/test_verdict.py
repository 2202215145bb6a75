"""Levels of figures, and what they advise."""

from mmvae.reporting.verdict import (
    GOOD,
    LOOK,
    UNKNOWN,
    WRONG,
    Figure,
    Verdict,
    above,
    below,
    remedies,
    unknown,
    worst,
)


def test_levels():
    assert [above(x, 1, 2) for x in (0.5, 1.5, 2.5)] == [GOOD, LOOK, WRONG]
    assert [below(x, 2, 1) for x in (2.5, 1.5, 0.5)] == [GOOD, LOOK, WRONG]
    assert worst([GOOD, UNKNOWN, LOOK]) == LOOK and worst([]) == UNKNOWN


def test_a_verdict_is_as_bad_as_its_worst_figure():
    figures = (Figure("a", "1", level=GOOD), Figure("b", "2", level=LOOK), Figure("c", "3"))
    assert Verdict("How?", "So.", figures, "").level == LOOK
    assert Verdict("How?", "So.", figures, "", level=WRONG).level == WRONG
    assert unknown("How?", "Too early.").level == UNKNOWN


def test_only_bad_figures_advise_and_each_advice_is_given_once():
    figures = [
        Figure("a", "1", level=WRONG, advice="Wait."),
        Figure("b", "2", level=GOOD, advice="Run."),
        Figure("c", "3", level=LOOK, advice="Wait."),
        Figure("d", "4", level=LOOK),
        Figure("e", "5", level=UNKNOWN, advice="Ask."),
        Figure("f", "6", level=LOOK, advice="Stop."),
    ]
    assert remedies(figures) == ("Wait.", "Stop.")
