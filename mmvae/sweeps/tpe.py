"""Settings proposed by the tree-structured Parzen estimator of Optuna, an optional extra."""

from types import ModuleType
from typing import Any

from mmvae.errors import UserError
from mmvae.sweeps.space import Setting, Space

_CASE = "case"  # a parameter of Optuna's, beside the fields


def propose(space: Space, history: list[tuple[Setting, float | None]], less: bool) -> Setting:
    """The next setting: a function of the history alone, so a sweep continues.

    Args:
        history: the settings so far with their scores; None for a crashed one.
        less: whether a lower score is better.

    Raises:
        UserError: Optuna is not installed.
    """
    optuna = _optuna()
    distributions = _distributions(space, optuna)
    study = optuna.create_study(
        direction="minimize" if less else "maximize",
        sampler=optuna.samplers.TPESampler(seed=len(history)),
    )
    for setting, score in history:
        state = optuna.trial.TrialState.COMPLETE if score is not None else None
        study.add_trial(
            optuna.trial.create_trial(
                params=_params(space, setting),
                distributions=distributions,
                value=score,
                state=state or optuna.trial.TrialState.FAIL,
            )
        )
    params = dict(study.ask(distributions).params)
    case = params.pop(_CASE, None)
    proposed = {field: _rounded(space, field, value) for field, value in params.items()}
    return space.cases.get(case, {}) | proposed


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise UserError("--tpe needs Optuna: type pip install 'mmvae[tpe]'.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distributions(space: Space, optuna: ModuleType) -> dict[str, Any]:
    kinds = optuna.distributions
    by_field = {
        field: kinds.CategoricalDistribution(values) for field, values in space.choices.items()
    }
    for field, numbers in space.ranges.items():
        kind = kinds.IntDistribution if numbers.whole else kinds.FloatDistribution
        by_field[field] = kind(numbers.low, numbers.high, log=numbers.log)
    if space.cases:
        by_field[_CASE] = kinds.CategoricalDistribution(list(space.cases))
    return by_field


def _params(space: Space, setting: Setting) -> Setting:
    params = {field: setting[field] for field in (*space.choices, *space.ranges)}
    if space.cases:
        params[_CASE] = next(
            name for name, case in space.cases.items() if case.items() <= setting.items()
        )
    return params


def _rounded(space, field, value):
    numbers = space.ranges.get(field)
    if numbers is None or numbers.whole:
        return value
    return min(max(float(f"{value:.4g}"), numbers.low), numbers.high)
