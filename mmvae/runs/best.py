"""Which checkpoint is the best: the one with the least of one number, of what was evaluated."""

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")  # a number, or a series of them

BASELINES, LOSS = "baselines", "loss_total"
RULES = (BASELINES, LOSS)  # of config.checkpoint.best_by


def score(rule: str, values: Mapping[str, Value], trivial: Mapping[str, float]) -> Value:
    """What the best checkpoint has least of.

    By "baselines" the sum of each half's share of what is trivial, so that no half's unit or weight
    decides; the loss where no half is known.

    Args:
        values: {metric: value} of an evaluation, `loss_total` among them.
        trivial: {metric: what needs no model}, one metric for each half.
    """
    known = [values[name] / worst for name, worst in trivial.items() if name in values]
    return sum(known[1:], known[0]) if rule == BASELINES and known else values[LOSS]
