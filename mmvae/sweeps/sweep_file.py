"""Sweep files: the YAML of W&B sweeps (grid and random), and `cases` of fields that go together.

The same file serves `wandb sweep` where it has no `cases`, which W&B does not know.
"""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mmvae.errors import UserError
from mmvae.sweeps.space import Range, Space, Value, bare, between, number

GRID, RANDOM, TPE = "grid", "random", "tpe"
_METHODS = {"grid": GRID, "random": RANDOM, "bayes": TPE}  # by the name that W&B uses
_EVEN = ("uniform", "int_uniform", "q_uniform")
_LOG = ("log_uniform_values", "q_log_uniform_values")


class SweepFile(NamedTuple):
    """What a sweep file says: the space, GRID, RANDOM or TPE, and where given the number of
    settings, the metric and the seeds."""

    space: Space
    method: str
    count: int | None
    metric: str | None
    seeds: list[int]


NOTHING = SweepFile(Space({}, {}, {}), GRID, None, None, [])


def read(path: str) -> SweepFile:
    """The SweepFile at a path.

    Raises:
        UserError: no such file, or something in it that is not understood (named).
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--file {path} cannot be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise UserError(f"--file {path}{line} is not YAML: {error.problem}.") from error
    if not isinstance(content, dict) or not (content.get("parameters") or content.get("cases")):
        raise UserError(f"--file {path} has no parameters; see configs/sweeps/ for examples.")
    method = content.get("method", "grid")
    if method not in _METHODS:
        raise UserError(f"{path}: method {method} must be one of: {', '.join(_METHODS)}.")
    space, seeds = _space(content, path)
    metric = (content.get("metric") or {}).get("name")
    return SweepFile(space, _METHODS[method], content.get("run_cap"), metric, seeds)


def _space(content: dict, path: str) -> tuple[Space, list[int]]:
    """(Space, seeds): the seed is an axis of its own."""
    choices, ranges, seeds = {}, {}, []
    for field, spec in _flat(content.get("parameters") or {}).items():
        if not isinstance(spec, dict):
            raise UserError(f"{path}: {field} must have value, values, or min and max.")
        if "value" in spec or "values" in spec:
            values = list(spec["values"]) if "values" in spec else [spec["value"]]
            if field == "seed":
                seeds = values
            else:
                choices[field] = [_typed(value) for value in values]
        elif "min" in spec and "max" in spec:
            ranges[field] = _range(field, spec, path)
        else:
            raise UserError(f"{path}: {field} must have value, values, or min and max.")
    cases = {
        name: {bare(field): _typed(value) for field, value in case.items()}
        for name, case in (content.get("cases") or {}).items()
    }
    return Space(choices, ranges, cases), seeds


def _flat(parameters: dict, prefix: str = "") -> dict[str, Any]:
    """{field: specification}, W&B's nested `parameters` spelled with dots."""
    flat = {}
    for name, spec in parameters.items():
        field = prefix + bare(str(name))
        if isinstance(spec, dict) and "parameters" in spec:
            flat |= _flat(spec["parameters"], f"{field}.")
        else:
            flat[field] = spec
    return flat


def _range(field: str, spec: dict, path: str) -> Range:
    low, high = _typed(spec["min"]), _typed(spec["max"])
    kind = spec.get("distribution", "uniform")
    if kind not in (*_EVEN, *_LOG):
        raise UserError(
            f"{path}: distribution {kind} of {field} must be one of: {', '.join((*_EVEN, *_LOG))}."
        )
    return between(field, low, high, kind in _LOG)


def _typed(value: Value) -> Value:
    """YAML reads 1e-4 as text: numbers become numbers."""
    return number(value) if isinstance(value, str) else value
