"""The checklist of a run: how it stands to each criterion, in the order of training."""

from dataclasses import dataclass

from mmvae.reporting.criteria import CRITERIA
from mmvae.reporting.criteria.criterion import Criterion
from mmvae.reporting.runs import Run

MET, MISSED, WAITING, NOT_KNOWN = "met", "missed", "not yet", "not logged"
NOT_REACHED = "not reached"  # by a run that ended before


@dataclass(frozen=True)
class Check:
    """One line of the checklist: a criterion, how the run stands, and what the line is worth."""

    when: str
    criterion: str
    status: str
    value: str
    trivial: str
    note: str = ""


def checklist(run: Run) -> list[Check]:
    """How a run stands to every criterion."""
    return [_check(run, criterion) for criterion in CRITERIA]


def _check(run: Run, criterion: Criterion) -> Check:
    met, value = criterion.measure(run, criterion.last)
    past = run.epochs_done >= criterion.last - 1e-6
    begun = run.epochs_done >= criterion.first
    if met is None:
        status = NOT_KNOWN if past else WAITING
    elif criterion.after and not past:
        status = WAITING
    elif met:
        # A comparison of two epochs needs both; a level that is reached stays reached.
        status = MET if begun or not criterion.after else WAITING
    else:
        status = MISSED if past else WAITING
    if status == WAITING and run.finished:
        status = NOT_REACHED
    return Check(_when(criterion), criterion.words, status, value, *criterion.trivial(run))


def _when(criterion: Criterion) -> str:
    if not criterion.last:
        return "evaluated"
    first = "after" if criterion.after else f"epochs {criterion.first}-"
    return f"after {criterion.last} epochs" if criterion.after else f"{first}{criterion.last}"
