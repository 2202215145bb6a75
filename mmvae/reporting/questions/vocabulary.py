"""Did the vocabulary build well? Size, coverage, truncation, unknown pieces, round trip."""

from typing import Any

from mmvae.reporting.runs import Run
from mmvae.reporting.verdict import GOOD, LOOK, Figure, Verdict, above, below, remedies, unknown

QUESTION = "Did the vocabulary build well?"
MEANING = (
    "Pieces are words or parts of words. A vocabulary of 100-500 pieces is small, 1,000-5,000 "
    "good, 8,000 full; a small one is no fault where captions have few different words. A piece "
    "that stands for unknown text or for a single byte carries little meaning, and a caption that "
    "is longer than the model reads is cut. All but the sizes are measured on the validation "
    "captions."
)
_SMALL = 1000
_FALLBACK = (0.02, 0.10)  # share of pieces
_CUT = (0.01, 0.05)  # share of captions
_PER_WORD = (2.0, 3.0)  # pieces
_LARGER = (
    "Prepare the data again with a larger vocabulary: python -m data_prep.prepare ... "
    "--vocab-size 4000 (byte pieces then stand in for rare letters)."
)


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    words = run.facts.get("vocabulary") or run.card.get("vocabulary")
    if not words:
        return unknown(QUESTION, "The run keeps no data card (card.json), so this cannot be told.")
    captions = run.card.get("captions", {})
    figures = [_size(words, captions), _fallback(words), _cut(words)]
    figures += [_round_trip(words), _per_word(words, captions)]
    figures = tuple(figure for figure in figures if figure)
    bad = [figure for figure in figures if figure.bad]
    size = f"The vocabulary of {words['size']:,} pieces"
    if not bad:
        return Verdict(QUESTION, f"{size} fits these captions.", figures, MEANING)
    named = "; ".join(f"{figure.label}: {figure.value}" for figure in bad)
    text = f"{size} fits poorly: {named}."
    return Verdict(QUESTION, text, figures, MEANING, remedies(figures))


def _size(words: dict[str, Any], captions: dict[str, Any]) -> Figure:
    size, distinct = words["size"], captions.get("distinct_words")
    bands = ((8000, "full"), (1000, "good"), (100, "small"), (0, "tiny"))
    band = next(name for least, name in bands if size >= least)
    text = f"{size:,} pieces: {band}"
    if distinct:
        text += f" ({distinct:,} different words in the captions)"
    poor = size < _SMALL and distinct and size < distinct
    level = LOOK if poor else GOOD
    return Figure("size", text, "1,000 or more, or as many as different words", level, _LARGER)


def _fallback(words: dict[str, Any]) -> Figure | None:
    share = words.get("fallback_rate")
    if share is None:
        return None
    return Figure(
        f"unknown or byte pieces in the {words.get('measured_on', 'val')} captions",
        f"{share:.1%}",
        "below 2%; above 10% is wrong",
        above(share, *_FALLBACK),
        _LARGER,
    )


def _cut(words: dict[str, Any]) -> Figure | None:
    share = words.get("truncated")
    if share is None:
        return None
    longest = words.get("p95_length")
    example = f" such as {longest}, which 95% of captions need" if longest else ""
    return Figure(
        f"captions longer than {words.get('caption_length')} pieces, which are cut",
        f"{share:.1%}",
        "below 1%; above 5% is wrong",
        above(share, *_CUT),
        f"Raise --config.data.caption_length{example}.",
    )


def _round_trip(words: dict[str, Any]) -> Figure | None:
    share = words.get("round_trip")
    if share is None:
        return None
    return Figure(
        "captions that come back unchanged",
        f"{share:.1%}",
        "99.9% or more; below 95% is wrong",
        below(share, 0.999, 0.95),
        _LARGER,
    )


def _per_word(words: dict[str, Any], captions: dict[str, Any]) -> Figure | None:
    if not captions.get("mean_words") or not words.get("mean_length"):
        return None
    rate = (words["mean_length"] - 1) / captions["mean_words"]  # without the end
    return Figure(
        "pieces a word",
        f"{rate:.2f}",
        "below 2; above 3 is close to letters",
        above(rate, *_PER_WORD),
        _LARGER,
    )
