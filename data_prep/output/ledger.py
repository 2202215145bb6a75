"""The account of what the sources hold: what gives no pair is here, with its reason or counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from data_prep.sources.pair import Item, Note, Pair, Prose, Refusal, Title, Unread
from data_prep.stages.images import Refused

_KINDS, _FILES = 12, 3  # shown; the rest is counted


class Ledger:
    """Lets pairs through and books all else.

    Attributes:
        refused: [(what stands for the input, why it gives no pair)].
        prose: texts without pictures.
        titles: {group: (title, author, work)}.
    """

    def __init__(self) -> None:
        self.refused: list[tuple[Pair, Refused]] = []
        self.prose: list[Prose] = []
        self.titles: dict[str, tuple[str, str, str]] = {}
        self._unread: dict[str, list[str]] = defaultdict(list)
        self._counted: Counter[str] = Counter()
        self._notes: dict[Note, list[str]] = defaultdict(list)

    def pairs(self, items: Iterable[Item]) -> Iterator[Pair]:
        """The pairs among items, in their order; the others are booked."""
        for item in items:
            if isinstance(item, Pair):
                yield item
            elif isinstance(item, Refusal):
                stand_in = Pair(item.name, b"", item.caption, item.group, id=item.name)
                self.refused.append((stand_in, item.refused))
            elif isinstance(item, Prose):
                self.prose.append(item)
            elif isinstance(item, Title):
                self.titles.setdefault(item.group, (item.title, item.author, item.work))
            elif isinstance(item, Unread):
                self._counted[item.kind] += 1
                if len(self._unread[item.kind]) < _FILES:
                    self._unread[item.kind].append(item.name)
            else:
                self.note(item)

    def note(self, note: Note) -> None:
        """Books what is to be said in the summary; notes of one text are said together."""
        self._notes[Note(note.text, hint=note.hint)].append(note.about)

    def facts(self) -> dict[str, Any]:
        """`not_read` ({kind, or the name of the one file of its kind: number}) and `notes`."""
        unread = {
            self._unread[kind][0].rpartition("/")[2]
            if number == 1 and "." in kind
            else kind: number
            for kind, number in self._counted.most_common()
        }
        notes = [_with_files(note.text, about) for note, about in self._notes.items()]
        return {"not_read": unread, "notes": notes}

    def hints(self) -> list[str]:
        """What to type, for an error: of the notes those that say so."""
        return [note.text for note in self._notes if note.hint]


def not_read(kinds: dict[str, int]) -> str:
    """One line such as "not read: 6 .heic, 2 links, 1 captions.txt"; "" where all was read."""
    parts = [f"{number} {kind}" for kind, number in kinds.items()]
    more = [f"and {len(parts) - _KINDS} other kinds"] if len(parts) > _KINDS else []
    return f"not read: {', '.join([*parts[:_KINDS], *more])}" if parts else ""


def nothing_left(rejected: Sequence[tuple[Pair, Refused]], ledger: Ledger) -> str:
    """What to say where all inputs were rejected: why, what was not read, what to type."""
    counts = Counter(refused.reason for _, refused in rejected)
    reasons = ", ".join(f"{reason} ({number})" for reason, number in counts.most_common())
    parts = [
        f"no usable pair is left of {len(rejected)}: {reasons or 'the source holds no picture'}"
    ]
    if rejected:
        pair, refused = rejected[0]
        parts.append(f"for example {pair.id[:100]}: {refused.detail or refused.reason}")
    return "; ".join(filter(None, [*parts, not_read(ledger.facts()["not_read"]), *ledger.hints()]))


def _with_files(text, about):
    names = [name for name in about if name]
    if not names:
        return text
    more = f" and {len(names) - _FILES} more" if len(names) > _FILES else ""
    return f"{', '.join(names[:_FILES])}{more}: {text}"
