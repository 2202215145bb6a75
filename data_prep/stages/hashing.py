"""Splits by the hash of a key alone, so that rows added later move none that is held out.

A key (the name of a work) has a number in [0, 1) from its hash and a seed: validation takes those
below its fraction, the test those next to them. Keys that belong together go where the least
number among them goes. A validation row therefore stays one whatever is added. What can move, and
only where something new joins works that were apart: from train to what is held out, and from
test to validation.
"""

from collections.abc import Iterable, Mapping

from data_prep.stages.splitting import order


def together(keys: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{key: one of the keys that it is linked to}, the same for all that are linked."""
    parent = {key: key for key in keys}

    def top(key):
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for one, other in links:
        parent[top(one)] = top(other)
    return {key: top(key) for key in list(parent)}


def place(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends only on the key and the seed."""
    return order(f"{seed} {key}") / 2**64


def splits(
    clusters: Mapping[str, str], fractions: Mapping[str, float], seed: int = 0
) -> dict[str, str]:
    """{key: split} of `together`.

    Args:
        clusters: {key: cluster}.
        fractions: {"val": share of keys, "test": share of keys}.
        seed: another one, other splits.
    """
    least: dict[str, float] = {}
    for key, cluster in clusters.items():
        least[cluster] = min(least.get(cluster, 1.0), place(key, seed))
    return {key: _at(least[cluster], fractions) for key, cluster in clusters.items()}


def _at(number, fractions):
    if number < fractions["val"]:
        return "val"
    return "test" if number < fractions["val"] + fractions["test"] else "train"
