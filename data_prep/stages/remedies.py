"""What to type to keep what was left out, where much was left out for one reason."""

from collections.abc import Mapping

MUCH = 0.1  # share of all pairs, above which the user hears of it

KEPT_BY = {
    "near-duplicate picture": "--keep-near-duplicates",
    "picture too small": "--min-side 1",
    "picture too long": "--max-aspect 1000",
    "no caption": "--keep-uncaptioned",
    "caption is only a label or a number": "--raw-captions",
    "caption is a single letter": "--raw-captions",
    "caption is a file name": "--raw-captions",
    "caption is about the edition": "--raw-captions",
    "caption says nothing": "--raw-captions",
}


def advice(rejected: Mapping[str, int], total: int) -> list[str]:
    """A sentence for each flag that would keep more than a tenth of all pairs.

    Args:
        rejected: {reason: number of pairs}.
        total: number of all pairs.
    """
    kept_by = dict.fromkeys(KEPT_BY.values(), 0)
    for reason in KEPT_BY.keys() & rejected.keys():
        kept_by[KEPT_BY[reason]] += rejected[reason]
    return [
        f"{number} of {total} pairs are left out that {flag} keeps; type it if they are as they "
        f"should be."
        for flag, number in kept_by.items()
        if number > MUCH * total
    ]
