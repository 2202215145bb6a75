"""Settings proposed by the tree-structured Parzen estimator of Optuna, an optional extra."""

from mmvae.errors import UserError

_CASE = "case"  # a parameter of Optuna's, beside the fields


def propose(space, history, less):
    """The next setting {field: value}: a function of the history alone, so a sweep continues.

    Args:
        history: [(setting, score or None)] of the trials so far; None for a crashed one.
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
    drawn = {field: _rounded(space, field, value) for field, value in params.items()}
    return dict(space.cases.get(case, {})) | drawn


def _optuna():
    try:
        import optuna
    except ImportError as error:
        raise UserError("--tpe needs Optuna: type pip install 'mmvae[tpe]'.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distributions(space, optuna):
    kinds = optuna.distributions
    found = {
        field: kinds.CategoricalDistribution(values) for field, values in space.choices.items()
    }
    for field, numbers in space.ranges.items():
        kind = kinds.IntDistribution if numbers.whole else kinds.FloatDistribution
        found[field] = kind(numbers.low, numbers.high, log=numbers.log)
    if space.cases:
        found[_CASE] = kinds.CategoricalDistribution(list(space.cases))
    return found


def _params(space, setting):
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
