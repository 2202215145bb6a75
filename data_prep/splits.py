"""Which split each pair and each text goes to: as its author says, by carving groups, by works."""

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from data_prep.output.ledger import Ledger
from data_prep.sources.pair import Note, Pair
from data_prep.stages import hashing, splitting, works
from mmvae.errors import UserError

_ANEW = "--split-names ignore chooses them by hash"
HELD_OUT = ("train", "test", "val")  # the later, the more


def carved(pairs: Sequence[Pair], options: Namespace, ledger: Ledger) -> list[str]:
    """The split of each pair: whole groups, or pictures, until the fractions are met.

    Raises:
        UserError: a split comes out empty.
    """
    pictures = [pair.picture for pair in pairs]
    groups = [pair.group if options.split_by == "group" else "" for pair in pairs]
    given = splitting.one_each(pictures, given_splits(pairs, options, ledger))
    keys = splitting.whole(pictures, groups)
    return splitting.assign(keys, given, _fractions(options), pictures)


class ByWork:
    """Splits by the hash of works: stable when rows are added (see `hashing`).

    Args:
        pairs: all of the sources that are worth keeping.
        ledger: what the sources say of their groups.
        options: of the command.
    """

    def __init__(self, pairs: Sequence[Pair], ledger: Ledger, options: Namespace) -> None:
        self._names, links = works.named(ledger.titles)
        keys = [self._key(pair) for pair in pairs]
        first: dict[str, str] = {}
        shared = [
            (key, first.setdefault(pair.picture, key))
            for key, pair in zip(keys, pairs, strict=True)
        ]
        groups = [self._key_of(prose.group) for prose in ledger.prose]
        self._clusters = hashing.together([*keys, *groups, *self._names.values()], links + shared)
        self._chosen = hashing.splits(self._clusters, _fractions(options), options.split_seed)
        self._follow(keys, given_splits(pairs, options, ledger))

    def of(self, pair: Pair) -> str:
        """The split of a pair."""
        return self._chosen[self._key(pair)]

    def of_group(self, group: str) -> str:
        """The split of a text's group."""
        return self._chosen[self._key_of(group)]

    def check(self, splits: Sequence[str], options: Namespace) -> None:
        """Refuse a split without pairs.

        Raises:
            UserError: one that was asked for is empty.
        """
        wanted = ["train", *(name for name, share in _fractions(options).items() if share > 0)]
        if empty := [name for name in wanted if name not in splits]:
            raise UserError(
                f"split {', '.join(empty)} would be empty: the hash of {len(self._clusters)} works "
                f"leaves it none; type --split-seed {options.split_seed + 1}, a greater fraction, "
                f"or --split-by group"
            )

    def _follow(self, keys, given):
        """A work of which the source holds something out is held out."""
        most: dict[str, str] = {}
        for key, name in zip(keys, splitting.known(given), strict=True):
            if name:
                cluster = self._clusters[key]
                most[cluster] = max(name, most.get(cluster, "train"), key=HELD_OUT.index)
        for key, cluster in self._clusters.items():
            self._chosen[key] = most.get(cluster, self._chosen[key])

    def _key(self, pair):
        return self._key_of(pair.group) if pair.group else f"picture {pair.picture}"

    def _key_of(self, group):
        return self._names.get(group, f"group {group}")


def given_splits(pairs: Sequence[Pair], options: Namespace, ledger: Ledger) -> list[str]:
    """The split of each pair that its author chose: in a column, or by the name of a folder."""
    columns = [pair.split for pair in pairs]
    named = [pair.split or pair.named_split for pair in pairs]
    if options.split_names == "ignore" or named == columns:
        return columns
    counts = Counter(split or "by hash" for split in named)
    listed = ", ".join(f"{split} {number}" for split, number in counts.items())
    if not {"", "train"} & set(named):
        ledger.note(Note(f"folders or files named {listed} are not taken as splits: none is left"))
        return columns
    ledger.note(Note(f"splits as folders or files are named ({listed}); {_ANEW}"))
    return named


def in_order(pairs: Sequence[Pair], chosen: Sequence[str]) -> Mapping[str, list[int]]:
    """{split: places of its pairs}, each in the order of a hash, so that shards are mixed."""
    order = sorted(range(len(pairs)), key=lambda i: splitting.order(pairs[i].id))
    names = [name for name in splitting.SPLITS if name in chosen]
    return {name: [i for i in order if chosen[i] == name] for name in names}


def _fractions(options):
    return {"val": options.val_fraction, "test": options.test_fraction}
