"""Rows that are a caption alone: sentences of the texts whose books train, and of no other."""

from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from tqdm import tqdm

from data_prep.sources.pair import Prose
from data_prep.stages import prose
from data_prep.stages.splitting import order
from mmvae.data.text import Tokenizer


@dataclass(frozen=True)
class Sentence:
    """One row: its text, the group it is of, and where it stands."""

    text: str
    group: str
    id: str


@dataclass
class CaptionsAlone:
    """The sentences that may be used, in the order of a hash, and the account of the others.

    Attributes:
        texts: of all groups.
        trains: whether a group is of the training split.
        captions: of all pairs: none of them is a row again.
        left_out: {reason: number of sentences}.
    """

    texts: Sequence[Prose]
    trains: Callable[[str], bool]
    captions: Collection[str]
    left_out: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._read = 0
        self._usable: list[Sentence] = []
        self._rest = self._sentences()

    def first(self, number: int) -> list[Sentence]:
        """The first sentences, at most so many, for the vocabulary."""
        while len(self._usable) < number and (one := next(self._rest, None)):
            self._usable.append(one)
        return self._usable[:number]

    def rows(self, tokenizer: Tokenizer, options: Namespace) -> list[tuple[Sentence, list[int]]]:
        """(sentence, its pieces) of those within the caption length, at most `prose_rows`."""
        kept, most = [], options.prose_rows or None
        with tqdm(total=most, desc="reading prose", unit=" sentences", disable=None) as bar:
            for sentence in chain(self._usable, self._rest):
                if len(kept) == most:
                    break
                pieces = tokenizer.pieces(sentence.text)
                if len(pieces) < options.caption_length:  # the end needs a place
                    kept.append((sentence, pieces))
                    bar.update()
                else:
                    self.left_out["longer than --caption-length"] += 1
        return kept

    def facts(self, rows: int) -> dict[str, Any]:
        """What the card says."""
        rest = self._read - rows - sum(self.left_out.values())
        reasons = dict(sorted(self.left_out.items()))
        more = {"more than --prose-rows": rest} if rest else {}
        return {
            "texts": len(self.texts),
            "sentences": self._read,
            "kept": rows,
            "left_out": reasons | more,
        }

    def _sentences(self) -> Iterator[Sentence]:
        seen = set(self.captions)
        for text, group, name in self._raw():
            cleaned, reason = prose.judged(text)
            if not reason and cleaned in seen:
                reason = "is there already"
            if reason:
                self.left_out[reason] += 1
                continue
            seen.add(cleaned)
            yield Sentence(cleaned, group, name)

    def _raw(self):
        """(sentence, group, id) of the texts that train, in the order of a hash."""
        waiting = []
        for text in self.texts:
            parts = list(prose.sentences(text.text))
            self._read += len(parts)
            if not self.trains(text.group):
                self.left_out["of a book that is held out"] += len(parts)
                continue
            for number, part in enumerate(parts, 1):
                name = f"{text.name}#{number}"
                waiting.append((order(name), part, text.group, name))
        waiting.sort()
        return ((part, group, name) for _, part, group, name in waiting)
