"""Captions to token ids and back: SentencePiece with fixed special ids.

The tokenizer is trained by data preparation and travels with the data set and with every
run, so that ids mean the same everywhere.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from jaxtyping import Int

from mmvae.errors import UserError

PAD, UNK, BOS, EOS = 0, 1, 2, 3
NUM_SPECIAL = 4
_GRADES = ((8000, "full"), (1000, "good"), (0, "small"))  # least number of pieces
_MUCH_CUT = 0.05  # share of captions


class Tokenizer:
    """A SentencePiece model read from `path` (a `tokenizer.model` file).

    Raises:
        UserError: the file is missing, is not a SentencePiece model, or its special ids
            are not pad 0, unk 1, bos 2, eos 3.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=self.path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path} is not a readable SentencePiece model: {error}") from error
        special = (
            self._pieces.pad_id(),
            self._pieces.unk_id(),
            self._pieces.bos_id(),
            self._pieces.eos_id(),
        )
        if special != (PAD, UNK, BOS, EOS):
            raise UserError(f"{path} has pad, unk, bos, eos ids {special}; expected (0, 1, 2, 3)")

    @property
    def vocab_size(self) -> int:
        """Number of pieces, special ones and byte pieces included."""
        return self._pieces.vocab_size()

    def is_fallback(self, piece: int) -> bool:
        """Whether an id stands for text that no learnt piece covers: unk or a byte."""
        return piece == UNK or self._pieces.is_byte(piece)

    def knows(self, caption: str) -> bool:
        """Whether a caption has at least one learnt piece, apart from spaces."""
        pieces = (p for p in self.pieces(caption) if not self.is_fallback(p))
        return any(self.spelling(piece).strip("▁") for piece in pieces)

    def spelling(self, piece: int) -> str:
        """The text of one id, with "▁" for a space."""
        return self._pieces.id_to_piece(piece)

    def pieces(self, caption: str) -> list[int]:
        """Ids of one caption, without special ids."""
        return self._pieces.encode(caption)

    def pieces_within(self, text: str) -> list[int]:
        """Ids of a text that goes on in the middle of a line: no word begins where it does."""
        before = self.pieces("\n")  # in whose place SentencePiece marks the first word
        return self.pieces("\n" + text)[len(before) :]

    def encode(self, captions: Iterable[str], length: int) -> Int[np.ndarray, "N L"]:
        """Ids of captions, `length` each: pieces, EOS, then PAD; truncated to fit."""
        return pad_ids([self.pieces(caption) for caption in captions], length)

    def decode(self, ids: Int[np.ndarray, "N L"]) -> list[str]:
        """Captions of ids; each ends at its first EOS or PAD."""
        return [self._pieces.decode(_until_end(row)) for row in np.asarray(ids)]


def pad_ids(rows: Sequence[Sequence[int]], length: int) -> Int[np.ndarray, "N L"]:
    """Token ids of ragged rows, `length` each: the row, EOS, then PAD; truncated to fit.

    A row without pieces (no caption) stays all PAD.
    """
    ids = np.full((len(rows), length), PAD, np.int32)
    for out, row in zip(ids, rows, strict=True):
        ending = [*row[: length - 1], EOS] if len(row) else []
        out[: len(ending)] = ending
    return ids


def verdict(vocabulary: dict[str, Any]) -> str:
    """What a user should know about a vocabulary, in plain sentences.

    Args:
        vocabulary: the `vocabulary` entry of a data set's `card.json`.
    """
    size, requested = vocabulary["size"], vocabulary["requested"]
    grade = next(word for least, word in _GRADES if size >= least)
    parts = [
        f"The vocabulary has {size:,} pieces: {grade} "
        f"(100-500 pieces: small; 1,000-5,000: good; 8,000: full)."
    ]
    if requested and size < requested:
        parts.append(f"{requested:,} were asked for; the captions are too few for more.")
    parts.append(
        f"It covers {vocabulary['coverage']:.1%} of the {vocabulary['measured_on']} captions' "
        f"pieces; the rest is spelled in bytes."
    )
    length, cut = vocabulary["caption_length"], vocabulary["truncated"]
    parts.append(
        f"{cut:.1%} of captions are longer than {length} pieces and are cut"
        + ("; raise the caption length." if cut > _MUCH_CUT else ".")
    )
    return " ".join(parts)


def _until_end(row: Int[np.ndarray, " L"]) -> list[int]:
    ends = np.flatnonzero((row == EOS) | (row == PAD))
    return [int(i) for i in (row[: ends[0]] if len(ends) else row)]
