"""A dozen inputs of the campaign (`./run.sh campaign`), so that it cannot rot unseen."""

import pytest

from campaign import hostile
from data_prep.stages import captions, images

RULES = images.Rules(32, 0, 16, 4.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(12))
def test_a_hostile_pair_is_read_or_rejected_with_a_reason(number):
    pair = hostile.make(7, number)
    assert pair == hostile.make(7, number), "an input is a pure function of seed and number"
    cleaned = images.clean(pair.picture, RULES)
    assert isinstance(cleaned, images.Cleaned) or cleaned.reason
    text, reason = captions.judged(pair.text)
    assert reason or 0 < len(text) <= captions.LONGEST


def test_every_kind_comes_in_turn():
    kinds = {hostile.make(0, number).kind[0] for number in range(len(hostile.PICTURES))}
    assert kinds == set(hostile.PICTURES)
