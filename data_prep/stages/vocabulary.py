"""The SentencePiece vocabulary: training it, and measuring how well it fits."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sentencepiece

from mmvae.data.text import BOS, EOS, PAD, UNK, Tokenizer
from mmvae.errors import UserError

_NEEDED = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")
_THREADS = 4  # fixed: another number gives other bits in the scores


def train(captions: Iterable[str], size: int) -> bytes:
    """Bytes of a BPE model trained on captions; smaller than `size` where they are few.

    BPE, because it joins whole words however few captions there are; a unigram model of a
    handful of captions falls back to letters.

    Raises:
        UserError: a size that cannot hold their letters, or nothing to train on.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(captions),
            model_writer=model,
            vocab_size=size,
            model_type="bpe",
            normalization_rule_name="identity",  # cleaning has normalised; decoding gives it back
            hard_vocab_limit=False,
            byte_fallback=True,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            num_threads=_THREADS,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise UserError(_trouble(size, str(error))) from error
    return model.getvalue()


def _trouble(size, said):
    """A sentence for what SentencePiece said; it names the least size that it would take."""
    needed = _NEEDED.search(said)
    if not needed:
        return f"no vocabulary can be trained on these captions: {said.splitlines()[0]}"
    return (
        f"--vocab-size {size} is too small for these captions (256 bytes and every letter need a "
        f"piece); type --vocab-size {needed[1]} or more"
    )


def measure(
    tokenizer: Tokenizer,
    splits: Mapping[str, Sequence[str]],
    requested: int,
    caption_length: int,
) -> dict:
    """Statistics of a vocabulary, for the card and for `mmvae.data.text.verdict`.

    Args:
        tokenizer: the vocabulary.
        splits: {split: captions}; coverage is measured on "val", or "train" where val is empty.
        requested: the size asked for, 0 for a tokenizer that was given.
        caption_length: pieces a caption may have in training, its end included.
    """
    unseen = [c for c in splits.get("val", ()) if c]
    held_out = unseen or [c for c in splits["train"] if c]
    every = [c for captions in splits.values() for c in captions if c]
    lengths = np.array([len(tokenizer.pieces(caption)) + 1 for caption in every])  # with its end
    counts = Counter(piece for caption in held_out for piece in tokenizer.pieces(caption))
    fallback = sum(n for piece, n in counts.items() if tokenizer.is_fallback(piece))
    total = max(1, counts.total())
    return {
        "size": tokenizer.vocab_size,
        "requested": requested,
        "measured_on": "val" if unseen else "train",
        "coverage": round(1 - fallback / total, 6),
        "fallback_rate": round(fallback / total, 6),
        "round_trip": round(_round_trip(tokenizer, held_out), 6),
        "caption_length": caption_length,
        "truncated": round(float((lengths > caption_length).mean()), 6),
        "mean_length": round(float(lengths.mean()), 3),
        "p95_length": int(np.percentile(lengths, 95)),
        "max_length": int(lengths.max()),
        "top_pieces": [tokenizer.spelling(p) for p, _ in _most_common(counts, 30)],
    }


def _round_trip(tokenizer, captions):
    """Share of captions that decode to exactly what was encoded."""
    same = [tokenizer.decode([tokenizer.pieces(caption)])[0] == caption for caption in captions]
    return float(np.mean(same))


def _most_common(counts, number):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]
