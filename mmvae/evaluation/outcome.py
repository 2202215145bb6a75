"""An evaluation as a JSON file, read back for comparisons, and as tables for a terminal."""

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from mmvae.errors import UserError
from mmvae.evaluation.estimates import Estimate, difference
from mmvae.evaluation.formats import Format
from mmvae.evaluation.suite import formats

_HEAD = f"  {'better':<14}unit"
_UNTOLD = Format(".4f")  # of a name that older files have and no family any more


def text(result: dict[str, Any], model: dict[str, Estimate]) -> str:
    """JSON of a result with the replicates of its estimates.

    The replicates let another evaluation be compared with this one, item by item.
    """
    replicates = {
        name: [float(f"{x:.6g}") for x in estimate.replicates]
        for name, estimate in model.items()
        if estimate.interval[0] is not None
    }
    body = json.dumps(result, indent=2, ensure_ascii=False)
    return f'{body[:-2]},\n  "replicates": {json.dumps(replicates)}\n}}\n'


def read(path: Path) -> tuple[dict[str, Any], dict[str, Estimate]]:
    """(result, its estimates) of a file that `text` wrote.

    Raises:
        UserError: the file is no evaluation.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        replicates = result.pop("replicates")
        model = {
            name: Estimate(
                np.nan if one["value"] is None else one["value"],
                one["count"],
                np.array(replicates[name]) if name in replicates else None,
            )
            for name, one in result["model"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"--against {path} is neither a run nor an evaluation; "
            f"make one: python -m mmvae.evaluate --workdir RUN --out {path}"
        ) from error
    return result, model


def unlike(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """A note in a list, if two results are not of the same items: differences mislead then."""
    of = lambda result: {
        "data": result["data"],
        "--split": result["split"],
        **{f"--{name}": result["details"]["settings"].get(name) for name in ("num", "seed")},
    }
    apart = [name for name, value in of(ours).items() if of(theirs)[name] != value]
    if not apart:
        return []
    return [f"{theirs['run']} was measured with other {', '.join(apart)}: differences mislead."]


def differences(ours: dict[str, Estimate], theirs: dict[str, Estimate]) -> dict[str, Estimate]:
    """ours - theirs, of the names both have."""
    return {name: difference(ours[name], theirs[name]) for name in ours if name in theirs}


def table(result: dict[str, Any]) -> Iterator[str]:
    """Lines: every number with its interval, the baselines that have it, and the notes."""
    yield (
        f"{result['run']} ({result['checkpoint']}), {result['split']} split: {result['pairs']:,} "
        f"of {result['split_pairs']:,} pairs; [95 % bootstrap interval]"
    )
    for family, names in result["families"].items():
        beside = [b for b, values in result["baselines"].items() if set(values) & set(names)]
        yield ""
        head = f"{family:<38}{'model':>11}{'':>21}" + "".join(f"{b:>12}" for b in beside)
        yield head + _HEAD
        for name in names:
            cells = [_cell(name, result["baselines"][b].get(name)) for b in beside]
            yield (
                f"  {name:<36}{_cell(name, result['model'][name]):>11}"
                f"{_interval(name, result['model'][name]):>21}"
                + "".join(f"{cell:>12}" for cell in cells)
                + _judged(name)
            ).rstrip()
    for note in result["notes"]:
        yield ""
        yield f"Note: {note}"


def comparison(
    ours: dict[str, Any], others: Sequence[tuple[dict[str, Any], dict[str, dict]]]
) -> Iterator[str]:
    """Lines: one table of our result and others, [(result, {name: record of ours - theirs})].

    A star marks a difference whose interval is without 0.
    """
    yield ""
    yield f"{ours['run']} less others; [95 % bootstrap interval], * without 0"
    for number, (theirs, _) in enumerate(others, 1):
        yield f"  ({number}) {theirs['run']} ({theirs['checkpoint']}), {theirs['split']} split"
    heads = [f"{f'({n})':>11}{'difference':>11}{'':>23}" for n in range(1, len(others) + 1)]
    yield f"  {'':<36}{'ours':>11}{''.join(heads)}{_HEAD}"
    for name, one in ours["model"].items():
        cells = [_compared(name, theirs, values.get(name)) for theirs, values in others]
        if any(cell.strip() for cell in cells):
            line = f"  {name:<36}{_cell(name, one):>11}{''.join(cells)}{_judged(name)}"
            yield line.rstrip()


def _compared(name, theirs, difference):
    """Their number, and ours less theirs with its interval and perhaps a star: 45 columns."""
    if difference is None:
        return " " * 45
    low, high = difference["low"], difference["high"]
    star = "*" if low is not None and (low > 0 or high < 0) else ""
    value, interval = _cell(name, difference), _interval(name, difference)
    return f"{_cell(name, theirs['model'][name]):>11}{value:>11}{interval:>22}{star:<1}"


def _format(name):
    patterns = formats()
    return next((patterns[p] for p in patterns if fnmatch(name, p)), _UNTOLD)


def _judged(name):
    """The last columns: which way is better, and the unit."""
    form = _format(name)
    return f"  {form.better:<14}{form.unit}"


def _cell(name, one):
    if one is None:
        return ""
    return "not finite" if one["value"] is None else format(one["value"], _format(name).spec)


def _interval(name, one):
    if one["low"] is None:
        return ""
    spec = _format(name).spec
    return f"[{one['low']:{spec}}, {one['high']:{spec}}]"
