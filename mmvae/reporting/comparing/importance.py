"""Which hyperparameters mattered: main effects, rank correlation, permutation importance.

Every number comes with its uncertainty; where the runs are too few to tell, that is said.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from mmvae.reporting.comparing.comparison import Comparison, Target, short

CORRELATED_RUNS = 8  # least for a rank correlation
FOREST_RUNS = 20  # least for a forest
FOREST_FIELDS = 2
_RESAMPLES = 1000  # of the bootstrap
_FORESTS = 8
MATTERS, NOISE, TOO_FEW = "matters", "within seed noise", "too few to tell"


class Effect(NamedTuple):
    """What one field does to one target.

    Attributes:
        levels: (value, mean, half width of its 95% interval or NaN, number of runs) of each.
        spread: largest mean minus smallest.
        needed: spread that chance alone exceeds in 5% of cases; NaN where no seed is repeated.
        verdict: MATTERS, NOISE or TOO_FEW.
    """

    field: str
    target: Target
    levels: list[tuple[Any, float, float, int]]
    spread: float
    needed: float
    verdict: str

    @property
    def best(self) -> Any:
        """The value with the best mean."""
        pick = min if self.target.less else max
        return pick(self.levels, key=lambda level: level[1])[0]


class Correlation(NamedTuple):
    """Spearman's rank correlation of a numeric field and a target, with its 95% interval."""

    field: str
    target: Target
    value: float
    low: float
    high: float


class Importance(NamedTuple):
    """Loss of a forest's R2 on unseen settings when a field is shuffled; mean, deviation."""

    field: str
    mean: float
    deviation: float


def effects(comparison: Comparison) -> list[Effect]:
    """Effects of every field on every target."""
    return [
        _effect(comparison, field, target)
        for target in comparison.targets
        for field in comparison.fields
    ]


def seed_noise(table: pd.DataFrame, metric: str) -> tuple[float, int]:
    """(standard deviation between seeds of one setting, degrees of freedom)."""
    groups = [g[metric].to_numpy(float) for _, g in table.groupby("setting") if len(g) > 1]
    freedom = sum(len(g) - 1 for g in groups)
    if not freedom:
        return math.nan, 0
    return math.sqrt(sum(((g - g.mean()) ** 2).sum() for g in groups) / freedom), freedom


def _effect(comparison: Comparison, field: str, target: Target) -> Effect:
    table = comparison.table
    noise, freedom = seed_noise(table, target.metric)
    levels = []
    for _, group in table.groupby(table[field].map(repr), sort=False):
        values = group[target.metric].to_numpy(float)
        half = stats.t.ppf(0.975, freedom) * noise / math.sqrt(len(values)) if freedom else math.nan
        levels.append((group[field].iloc[0], float(values.mean()), half, len(values)))
    means = [mean for _, mean, _, _ in levels]
    spread = max(means) - min(means)
    if not freedom:
        return Effect(field, target, levels, spread, math.nan, TOO_FEW)
    # Tukey's range of k means: the level sizes enter by their harmonic mean.
    size = stats.hmean([count for *_, count in levels])
    needed = _chance(len(levels), freedom) * noise / math.sqrt(size)
    return Effect(field, target, levels, spread, needed, MATTERS if spread > needed else NOISE)


@functools.cache
def _chance(levels: int, freedom: int) -> float:
    """Range of that many means, in standard errors, that chance exceeds in 5% of cases."""
    return float(stats.studentized_range.ppf(0.95, levels, freedom))


def correlations(comparison: Comparison) -> list[Correlation]:
    """Correlations of numeric fields; [] where the runs are too few."""
    table = comparison.table
    if len(table) < CORRELATED_RUNS:
        return []
    numeric = [f for f in comparison.fields if pd.api.types.is_numeric_dtype(table[f])]
    numeric = [field for field in numeric if table[field].dtype != bool]
    return [_correlation(table, field, t) for t in comparison.targets for field in numeric]


def _correlation(table: pd.DataFrame, field: str, target: Target) -> Correlation:
    x, y = table[field].to_numpy(float), table[target.metric].to_numpy(float)
    random, resampled = np.random.default_rng(0), []
    for _ in range(_RESAMPLES):
        rows = random.integers(0, len(x), len(x))
        if np.ptp(x[rows]) and np.ptp(y[rows]):
            resampled.append(_spearman(x[rows], y[rows]))
    low, high = np.percentile(resampled, (2.5, 97.5)) if resampled else (math.nan, math.nan)
    value = _spearman(x, y) if np.ptp(y) else math.nan
    return Correlation(field, target, value, float(low), float(high))


def _spearman(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> float:
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def forests(comparison: Comparison) -> list[tuple[Target, float, list[Importance]]]:
    """[(target, R2 on unseen settings, Importances)] of the targets that runs suffice for."""
    forests = [(target, forest(comparison, target)) for target in comparison.targets]
    return [(target, *result) for target, result in forests if result]


def forest(comparison: Comparison, target: Target) -> tuple[float, list[Importance]] | None:
    """(R2 on unseen settings, Importances largest first), or None where the runs are too few."""
    table, fields = comparison.table, comparison.fields
    enough = len(table) >= FOREST_RUNS and len(fields) >= FOREST_FIELDS
    if not enough or len(comparison.settings) < FOREST_RUNS // 2:
        return None
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import GroupShuffleSplit

    x = np.stack([_codes(table[field]) for field in fields], axis=1)
    y, groups = table[target.metric].to_numpy(float), table["setting"]
    scores, drops = [], []
    # Seeds of one setting stay together: a forest must not know a setting it is judged by.
    splitter = GroupShuffleSplit(_FORESTS, test_size=0.3, random_state=0)
    for seed, (train, test) in enumerate(splitter.split(x, y, groups)):
        model = RandomForestRegressor(200, random_state=seed).fit(x[train], y[train])
        scores.append(model.score(x[test], y[test]))
        shuffled = permutation_importance(model, x[test], y[test], n_repeats=10, random_state=seed)
        drops.append(shuffled.importances_mean)
    means, deviations = np.mean(drops, axis=0), np.std(drops, axis=0, ddof=1)
    rows = [Importance(*row) for row in zip(fields, means, deviations, strict=True)]
    return float(np.median(scores)), sorted(rows, key=lambda row: -row.mean)


def _codes(column: pd.Series) -> Float[np.ndarray, " N"]:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)
    return pd.factorize(column.map(repr))[0].astype(float)


def conclusions(comparison: Comparison, effects: list[Effect]) -> list[str]:
    """Sentences: what each field does, and what the runs are too few for."""
    lines = []
    for effect in effects:
        name = short(effect.field, comparison.fields)
        target, form = effect.target, effect.target.form.lstrip("+")
        if effect.verdict == MATTERS:
            means = ", ".join(f"{value}: {mean:{form}}" for value, mean, _, _ in effect.levels)
            lines.append(
                f"{name} matters for {target.words}: best at {effect.best} ({means}); the means "
                f"differ by {effect.spread:{form}}, chance alone by less than "
                f"{effect.needed:{form}}."
            )
        elif effect.verdict == NOISE:
            lines.append(
                f"{name} makes no difference to {target.words} that exceeds the seeds' "
                f"({effect.spread:{form}} against {effect.needed:{form}})."
            )
    if any(effect.verdict == TOO_FEW for effect in effects):
        lines.append(
            "Too few runs to tell an effect from chance: repeat every setting with another seed "
            "(mmvae.sweep --seeds 0,1)."
        )
    if len(comparison.runs) < CORRELATED_RUNS:
        lines.append(
            f"Rank correlations need {CORRELATED_RUNS} runs, these are {len(comparison.runs)}."
        )
    if len(comparison.runs) < FOREST_RUNS or len(comparison.fields) < FOREST_FIELDS:
        lines.append(
            f"A random forest needs {FOREST_RUNS} runs in which {FOREST_FIELDS} fields or more "
            f"vary; these are {len(comparison.runs)} with {len(comparison.fields)}."
        )
    return lines
