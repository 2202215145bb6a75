"""Parameters by name: shell patterns over paths such as `encoders_image/embed/kernel`."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import jax

from mmvae.errors import UserError, did_you_mean


def chosen(patterns: Sequence[str], params: Any, field: str) -> Any:
    """Which parameters patterns choose: `params` with a bool for every leaf.

    `*` stands for anything, "/" too. The last pattern that fits a path decides, and one that
    begins with "!" takes back, as in .gitignore: ("*", "!prior/*") is all but the prior.

    Raises:
        UserError: a pattern of the configuration's `field` fits no path.
    """
    last = _last_fitting([pattern.removeprefix("!") for pattern in patterns], params, field)
    return jax.tree.map(lambda index: index >= 0 and not patterns[index].startswith("!"), last)


def multipliers(rules: Sequence[str], params: Any, field: str) -> Any:
    """Factors of parameters by rules such as "encoders_*=0.1": `params` with a float each.

    The last rule that fits a path counts; 1.0 where none does.

    Raises:
        UserError: a rule is not of this form, or fits no path.
    """
    pairs = [_rule(text, field) for text in rules]
    last = _last_fitting([pattern for pattern, _ in pairs], params, field)
    return jax.tree.map(lambda index: pairs[index][1] if index >= 0 else 1.0, last)


def name(path: tuple[Any, ...]) -> str:
    """The path of a leaf, as jax.tree.map_with_path gives it, as text."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _last_fitting(patterns, params, field):
    """`params` with the index of the last pattern that fits each path, -1 where none does."""
    paths = [name(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in paths):
            hint = did_you_mean(pattern, {*paths, *(f"{p.split('/')[0]}/*" for p in paths)}, most=2)
            raise UserError(f"config.{field}: no parameter is named {pattern}{hint}")

    def index(path, _):
        fitting = [i for i, pattern in enumerate(patterns) if fnmatchcase(name(path), pattern)]
        return fitting[-1] if fitting else -1

    return jax.tree.map_with_path(index, params)


def _rule(text, field):
    pattern, _, factor = text.rpartition("=")
    try:
        value = float(factor)
    except ValueError:
        value = -1.0
    if not pattern or not 0 <= value < float("inf"):
        raise UserError(f'config.{field}: "{text}" must be like "encoders_*=0.1".')
    return pattern, value
