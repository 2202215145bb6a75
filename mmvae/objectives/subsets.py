"""Which modalities a training row shows the model, and what the learned prior is told."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Key

from mmvae.errors import UserError, did_you_mean

JOINT = "joint"  # all that a row has
_WITH = "+"  # between the names of a subset of several

Present = Mapping[str, Bool[Array, " B"]]


def table(names: list[str], shares: Mapping[str, float]) -> list[tuple[tuple[str, ...], float]]:
    """((name, ...), odds) of each subset that `shares` names.

    Keys are a modality, several joined as "image+label", or "joint" for all of them. Every
    modality alone has a row, with odds 0 where it is not named.

    Raises:
        UserError: a key that names no modality.
    """
    for subset in shares:
        for name in [] if subset == JOINT else subset.split(_WITH):
            if name not in names:
                raise UserError(
                    f"config.loss.subsets.{subset}: {name} is no modality of this model; it has: "
                    f"{', '.join(names)}{did_you_mean(name, names)}"
                )
    rows = [((name,), shares.get(name, 0.0)) for name in names]
    rows += [(tuple(s.split(_WITH)), odds) for s, odds in shares.items() if _WITH in s]
    return [*rows, (tuple(names), shares.get(JOINT, 0.0))]


def choose_subsets(
    keys: Key[Array, " B"], present: Present, shares: Mapping[str, float]
) -> dict[str, Bool[Array, " B"]]:
    """A random subset of each row's modalities.

    `shares` {"joint": all that are present, name: that one alone, "a+b": those} are the odds of
    each choice among those a row can have: all that it names are present; "joint" is possible
    for a row that has anything. Source: the subsets of Wu & Goodman 2018, section 2.3.
    """
    names = list(present)
    rows = table(names, shares)
    shown = jnp.stack([present[name] for name in names], axis=-1)
    members = jnp.array([[name in subset for name in names] for subset, _ in rows])
    odds = jnp.array([share for _, share in rows], jnp.float32)

    def choose(key, row):
        complete = jnp.all(row[None, :] | ~members[:-1], axis=1)
        possible = jnp.append(complete, jnp.any(row))
        choice = jax.random.categorical(key, jnp.where(possible, jnp.log(odds), -jnp.inf))
        return row & members[choice]

    chosen = jax.vmap(choose)(keys, shown)
    return {name: chosen[:, i] for i, name in enumerate(names)}


def choose_conditions(keys: Key[Array, " B"], present: Present) -> dict[str, Bool[Array, " B"]]:
    """What the prior is told of each row: one modality that is present, or nothing."""
    single = choose_subsets(keys, present, dict.fromkeys(present, 1.0) | {JOINT: 0.0})
    kept = jax.vmap(lambda k: jax.random.bernoulli(jax.random.fold_in(k, 1), 0.8))(keys)
    return {name: chosen & kept for name, chosen in single.items()}
