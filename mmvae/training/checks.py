"""A configuration against itself, its data set and its machine: the first field that cannot work.

Names that a field may take are read from the dicts that hold what they name.
"""

import math
from fnmatch import fnmatch

from ml_collections import ConfigDict

from mmvae.config import ConfigError, fields
from mmvae.data import directory, pools
from mmvae.errors import did_you_mean
from mmvae.inference.pairs import PAIR
from mmvae.models.fusion import FUSIONS
from mmvae.models.mmvae import MODALITIES
from mmvae.objectives import requirements, subsets
from mmvae.objectives.alignment import ALIGNMENTS
from mmvae.objectives.family import OBJECTIVES
from mmvae.objectives.mixture import GRADIENTS, POSTERIORS
from mmvae.runs import best
from mmvae.runs.writers.wandb_writer import MODES
from mmvae.training.optimizer import SCHEDULES

_DTYPES = ("bfloat16", "float32")
_CHANNELS = (1, 3)

# What a number must be: (in words, the test, patterns of the fields). NaN fails every test.
_RANGES = (
    (
        "at least 1",
        lambda x: 1 <= x < math.inf,
        (
            "data.image_size",
            "model.alignment_dim",
            "model.latent.*",
            "model.modalities.*.width",
            "model.modalities.*.heads",
            "model.modalities.*.squeeze",
            "model.modalities.*.latent_tokens",
            "model.modalities.*_layers",
            "model.modalities.*.flow_steps",
            "model.prior.layers",
            "objective.private",
            "objective.draws",
            "objective.clusters",
            "train.epochs",
            "samplers.prior_steps",
            "train.batch_size",
            "train.accumulate_steps",
            "train.log_every_steps",
            "eval.every_epochs",
            "eval.batch_size",
            "eval.num_samples",
            "checkpoint.keep_*",
        ),
    ),
    (
        "at least 2",
        lambda x: 2 <= x < math.inf,
        ("data.caption_length", "model.modalities.*.patch", "model.prior.width"),
    ),
    (
        "at least 0",
        lambda x: 0 <= x < math.inf,
        (
            "data.shares.*",
            "eval.samples_every_epochs",
            "loss.cross.*",
            "loss.subsets.*",
            "loss.weights.*",
            "loss.free_bits",
            "model.adapter_rank",
            "objective.private_kl",
            "objective.alpha",
            "objective.random_subsets",
            "model.modalities.*.scale",
            "optimizer.weight_decay",
        ),
    ),
    (
        "above 0",
        lambda x: 0 < x < math.inf,
        (
            "optimizer.learning_rate",
            "optimizer.clip_norm",
            "samplers.prior_learning_rate",
            "model.modalities.*.flow_weight",
            "checkpoint.every_minutes",
        ),
    ),
    ("from 0 to 1", lambda x: 0 <= x <= 1, ("*_fraction",)),
    ("at least 0 and below 1", lambda x: 0 <= x < 1, ("*dropout", "train.ema_decay")),
    ("above 0 and below 1", lambda x: 0 < x < 1, ("optimizer.beta?",)),
    ("from 0 to 4294967295", lambda x: 0 <= x < 2**32, ("seed",)),
)


def validate(config: ConfigDict, devices: int = 1, processes: int = 1) -> None:
    """Check every field of a complete configuration.

    Args:
        devices: devices of all processes together.

    Raises:
        ConfigError: the first field that cannot work.
    """
    for path, value in fields(config).items():
        _check_value(path, value)
    _check_choices(config)
    _check_modalities(config)
    _check_start(config)
    where = f"{devices} device{'s' * (devices != 1)}"
    where += f" of {processes} processes" if processes > 1 else ""
    _check_batch(config, "eval.batch_size", devices, where)
    parts = config.train.accumulate_steps
    where += f" times config.train.accumulate_steps={parts}" if parts > 1 else ""
    _check_batch(config, "train.batch_size", devices * parts, where)


def check_against_card(config: ConfigDict, card: dict) -> None:
    """Compare the fields of the pictures with the `card.json` of the data set.

    Raises:
        ConfigError: its pictures are of another shape.
    """
    stored = directory.picture_fields(card)
    wrong = [name for name, value in stored.items() if config.data[name] != value]
    if wrong:
        given = " ".join(f"config.data.{name}={config.data[name]}" for name in wrong)
        needed = " ".join(f"--config.data.{name}={stored[name]}" for name in wrong)
        raise ConfigError(
            f"{given} differs from the data set in {config.data.dir}, which holds pictures of "
            f"{stored['image_size']} x {stored['image_size']} x {stored['channels']}; "
            f"type {needed}, or prepare the data again."
        )


def _check_value(path, value):
    if isinstance(value, tuple) and not all(isinstance(item, str) for item in value):
        raise ConfigError(f"config.{path}={value} must hold texts, such as \"('a','b')\".")
    if not isinstance(value, int | float):
        return
    for words, test, patterns in _RANGES:
        if any(fnmatch(path, pattern) for pattern in patterns) and not test(value):
            raise ConfigError(f"config.{path}={value} must be {words}.")


def _check_choices(config):
    _check_choice(config, "data.channels", _CHANNELS)
    _check_choice(config, "model.dtype", _DTYPES)
    _check_choice(config, "model.fusion", FUSIONS)
    _check_choice(config, "objective.name", OBJECTIVES)
    _check_choice(config, "objective.gradient", GRADIENTS)
    _check_choice(config, "objective.posterior", POSTERIORS)
    _check_choice(config, "loss.alignment", ALIGNMENTS)
    _check_choice(config, "optimizer.schedule", SCHEDULES)
    _check_choice(config, "checkpoint.best_by", best.RULES)
    _check_choice(config, "wandb.mode", MODES)


def _check_modalities(config):
    names = list(config.model.modalities)
    if not set(PAIR) <= set(names):
        needed = ", ".join(PAIR)
        raise ConfigError(
            f"config.model.modalities are {', '.join(names)}: a data set holds {needed}."
        )
    for name, spec in config.model.modalities.items():
        path = f"model.modalities.{name}"
        _check_choice(config, f"{path}.kind", MODALITIES)
        if "heads" in spec:
            _check_divides(config, f"{path}.heads", f"{path}.width")
        for rule, field, *arguments in MODALITIES[spec.kind].rules(spec):
            own = field if "." in field else f"{path}.{field}"
            _RULES[rule](config, own, *arguments)
        for group in ("cross", "subsets", "weights"):
            if name not in config.loss[group]:
                raise ConfigError(f"config.{path} needs a config.loss.{group}.{name}: a number.")
    subsets.table(names, config.loss.subsets)
    for kind in config.data.shares:
        pools.members(kind, names)
    requirements.check(config)


def _check_start(config):
    for field in ("init.skip", "train.freeze"):
        if fields(config)[field] and not config.init.from_run:
            raise ConfigError(
                f"config.{field} is for a run that starts from another one; type "
                "--config.init.from_run=RUN."
            )
    adapters = [pattern for pattern in config.train.freeze if "adapter" in pattern]
    if adapters and not config.model.adapter_rank:
        raise ConfigError(
            f"config.train.freeze names {adapters[0]}, but there are no adapters; type "
            "--config.model.adapter_rank=8."
        )


def _check_choice(config, path, valid):
    value = fields(config)[path]
    if value not in valid:
        names = [str(name) for name in valid]
        hint = did_you_mean(str(value), names)
        raise ConfigError(f"config.{path}={value} must be one of: {', '.join(names)}{hint}")


def _check_power_of_two(config, path):
    given = fields(config)[path]
    if given & (given - 1):
        low = 1 << (given.bit_length() - 1)
        raise ConfigError(
            f"config.{path}={given} must be a power of two; nearest: {low} or {2 * low}."
        )


def _check_divides(config, part, whole):
    """ConfigError unless field `part` divides field `whole`, with the nearest parts that do."""
    given, total = fields(config)[part], fields(config)[whole]
    if total % given:
        divisors = [n for n in range(1, total + 1) if total % n == 0]
        below = max(n for n in divisors if n < given)
        above = [n for n in divisors if n > given][:1]
        nearest = " or ".join(map(str, [below, *above]))
        raise ConfigError(
            f"config.{part}={given} must divide config.{whole}={total}; nearest: {nearest}."
        )


def _check_batch(config, path, shares, where):
    """ConfigError unless the batch of field `path` splits into equal `shares`."""
    given = fields(config)[path]
    if given % shares:
        below = given // shares * shares
        nearest = " or ".join(str(n) for n in (below, below + shares) if n)
        raise ConfigError(
            f"config.{path}={given} must divide evenly over {where}; nearest: {nearest}."
        )


_RULES = {  # of a kind of modality: `rules` in models/<kind>.py
    "one of": _check_choice,
    "divides": _check_divides,
    "power of two": _check_power_of_two,
    "multiple of": _check_batch,
}
