"""Configurations and data sets that an objective cannot use, each refused in one sentence."""

from ml_collections import ConfigDict

from mmvae.config import ConfigError
from mmvae.errors import did_you_mean
from mmvae.objectives import mixture
from mmvae.objectives.family import OBJECTIVES

MOST_OF_SUBSETS = 6  # modalities, where every subset has its own posterior


def check(config: ConfigDict) -> None:
    """Of a configuration whose names and numbers are checked.

    Raises:
        ConfigError: its objective cannot use it.
    """
    _check_fusion(config)
    name, settings = config.objective.name, config.objective
    modalities = list(config.model.modalities)
    if name == "mvtcae" and settings.alpha > 1:
        raise ConfigError(
            f"config.objective.alpha={settings.alpha} must be from 0 to 1 for objective mvtcae."
        )
    if name == "mvae" and settings.random_subsets and len(modalities) < 3:
        raise ConfigError(
            f"config.objective.random_subsets={settings.random_subsets} needs three modalities: "
            f"of {' and '.join(modalities)} there is no other subset; type "
            "--config.objective.random_subsets=0."
        )
    if name == "cvae" and settings.target not in modalities:
        hint = did_you_mean(settings.target, modalities)
        raise ConfigError(
            f"config.objective.target={settings.target} must be one of: "
            f"{', '.join(modalities)}{hint}"
        )
    _check_laplace(config)
    every = OBJECTIVES[name].fusion == "mixture_of_products"
    if every and len(modalities) > MOST_OF_SUBSETS:
        raise ConfigError(
            f"config.objective.name={name} has a posterior for each of the "
            f"{2 ** len(modalities) - 1} subsets of {len(modalities)} modalities; it takes at most "
            f"{MOST_OF_SUBSETS}: use mvtcae or mmvae."
        )


def check_rows(config: ConfigDict, incomplete: int, rows: int) -> None:
    """Of a data set of `rows` training rows, of which some lack a modality.

    Raises:
        ConfigError: the objective needs every modality in every row.
    """
    name = config.objective.name
    if incomplete and OBJECTIVES[name].fusion == "joint_encoder":
        raise ConfigError(
            f"config.objective.name={name} reads all modalities at once, but {incomplete} of "
            f"{rows} training rows lack one; type --config.data.shares.pair=1, or use an objective "
            "that takes such rows (mvae, mopoe, elbo)."
        )


def _check_laplace(config):
    """Products and closed KLs are of Gaussians."""
    if config.objective.posterior != "laplace":
        return
    able = [name for name, row in OBJECTIVES.items() if row.bound is mixture.mmvae]
    if config.objective.name not in able:
        raise ConfigError(
            f"config.objective.posterior=laplace is for objectives {', '.join(able)}, not "
            f"{config.objective.name}; type --config.objective.posterior=gaussian."
        )
    if config.loss.alignment == "symmetric_kl":
        raise ConfigError(
            "config.loss.alignment=symmetric_kl is of Gaussians, not of "
            "config.objective.posterior=laplace; type --config.loss.alignment=siglip."
        )


def _check_fusion(config):
    own, given = OBJECTIVES[config.objective.name].fusion, config.model.fusion
    if own and given not in ("product", own):
        raise ConfigError(
            f"config.model.fusion={given} is for objective elbo: {config.objective.name} fuses by "
            f"{own}; leave it at product."
        )
