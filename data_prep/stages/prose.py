"""Running text as rows without a picture: its sentences, cleaned as captions are."""

import re
from collections.abc import Iterator

from data_prep.stages import captions

LENGTHS = (12, 400)  # characters of a sentence: shorter ones are headings, longer ones lists
_END = re.compile(r"""(?<=[.!?])["'”’)\]]*\s+(?=["'“‘(\[]?[A-ZÀ-ÖØ-Þ])""")
_LINE_ENDS = re.compile(r"""[.!?:;]["'”’)\]]*$""")
_ABBREVIATED = re.compile(
    r"""(?:^|[\s("“‘])(?:[A-Z]|Mrs?|Messrs|Dr|St|Sts|Rev|Sir|Hon|Col|Capt|Lieut|Gen|Prof|Esq|Jr|Sr|Figs?
    |Nos?|Vols?|pp?|Pl|Plates?|Cap|Chap|ch|cf|viz|vs|etc|i\.e|e\.g|[Cc]irc|ca|[A-Z]\.[A-Z])\.$""",
    re.VERBOSE,
)
_LETTERS = 0.7  # least share of letters and spaces: less is a table or a formula


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, uncleaned.

    Where most lines end as sentences do, each line is a text of its own; else lines are joined,
    up to an empty one.
    """
    lines = [line.strip() for line in text.splitlines()]
    filled = [line for line in lines if line]
    ended = sum(bool(_LINE_ENDS.search(line)) for line in filled)
    if 2 * ended > len(filled):
        parts = filled
    else:
        parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    for part in parts:
        yield from _parted(part)


def judged(sentence: str) -> tuple[str, str]:
    """(cleaned sentence, why it is no row, or "")."""
    text, reason = captions.judged(sentence)
    if reason:
        return text, reason
    shortest, longest = LENGTHS
    if not shortest <= len(text) <= longest:
        return text, "shorter or longer than a sentence"
    plain = sum(c.isalpha() or c.isspace() for c in text)
    if plain < _LETTERS * len(text) or " " not in text:
        return text, "not a sentence"
    return text, ""


def _parted(text):
    """Sentences of one paragraph: no end after an abbreviation."""
    start = 0
    for match in _END.finditer(text):
        if not _ABBREVIATED.search(text[start : match.start()]):
            yield text[start : match.end()].strip()
            start = match.end()
    if text[start:].strip():
        yield text[start:].strip()
