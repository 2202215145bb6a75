"""What the user can put right: an error that commands show as one sentence, and suggestions."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something the user gave is wrong; the message says what, and what to type instead."""


def did_you_mean(given: str, valid: Iterable[str], most: int = 1) -> str:
    """Up to `most` names of `valid` that resemble `given`, as "; did you mean a or b?", or "."."""
    similar = difflib.get_close_matches(given, list(valid), n=most)
    return f"; did you mean {' or '.join(similar)}?" if similar else "."
