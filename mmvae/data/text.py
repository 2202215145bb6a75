"""Captions to token ids and back: SentencePiece with fixed special ids.

The tokenizer is trained by data preparation and travels with the data set and with every
run, so that ids mean the same everywhere.
"""

from pathlib import Path

import numpy as np
import sentencepiece

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

    def __init__(self, path):
        self.path = Path(path)
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=self.path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path} is not a readable SentencePiece model: {error}") from error
        found = (
            self._pieces.pad_id(),
            self._pieces.unk_id(),
            self._pieces.bos_id(),
            self._pieces.eos_id(),
        )
        if found != (PAD, UNK, BOS, EOS):
            raise UserError(f"{path} has pad, unk, bos, eos ids {found}; expected (0, 1, 2, 3)")

    @property
    def vocab_size(self):
        """Number of pieces, special ones and byte pieces included."""
        return self._pieces.vocab_size()

    def is_fallback(self, piece):
        """Whether an id stands for text that no learnt piece covers: unk or a byte."""
        return piece == UNK or self._pieces.is_byte(piece)

    def knows(self, caption):
        """Whether a caption has at least one learnt piece, apart from spaces."""
        pieces = (p for p in self.pieces(caption) if not self.is_fallback(p))
        return any(self.spelling(piece).strip("▁") for piece in pieces)

    def spelling(self, piece):
        """The text of one id, with "▁" for a space."""
        return self._pieces.id_to_piece(piece)

    def pieces(self, caption):
        """Ids of one caption, without special ids: list of int."""
        return self._pieces.encode(caption)

    def pieces_within(self, text):
        """Ids of a text that goes on in the middle of a line: no word begins where it does."""
        before = self.pieces("\n")  # in whose place SentencePiece marks the first word
        return self.pieces("\n" + text)[len(before) :]

    def encode(self, captions, length):
        """Ids [N, length] int32 of N captions: pieces, EOS, then PAD; truncated to fit."""
        return pad_ids([self.pieces(caption) for caption in captions], length)

    def decode(self, ids):
        """Captions (list of str) of ids [N, L]; each ends at its first EOS or PAD."""
        return [self._pieces.decode(_until_end(row)) for row in np.asarray(ids)]


def pad_ids(rows, length):
    """Token ids [N, length] int32 of ragged rows: each row, EOS, then PAD; truncated to fit.

    A row without pieces (no caption) stays all PAD.
    """
    ids = np.full((len(rows), length), PAD, np.int32)
    for out, row in zip(ids, rows, strict=True):
        ending = [*row[: length - 1], EOS] if len(row) else []
        out[: len(ending)] = ending
    return ids


def verdict(vocabulary):
    """What a user should know about a vocabulary, in plain sentences.

    Args:
        vocabulary: the `vocabulary` entry of a data set's `card.json`.
    """
    size, asked = vocabulary["size"], vocabulary["requested"]
    grade = next(word for least, word in _GRADES if size >= least)
    parts = [
        f"The vocabulary has {size:,} pieces: {grade} "
        f"(100-500 pieces: small; 1,000-5,000: good; 8,000: full)."
    ]
    if asked and size < asked:
        parts.append(f"{asked:,} were asked for; the captions are too few for more.")
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


def _until_end(row):
    ends = np.flatnonzero((row == EOS) | (row == PAD))
    return [int(i) for i in (row[: ends[0]] if len(ends) else row)]
