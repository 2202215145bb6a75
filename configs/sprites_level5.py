"""Engraved sprites of level 5, every attribute captioned: about half an hour on two CPU cores."""

from ml_collections import ConfigDict

from configs import quickstart


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = quickstart.get_config()
    with config.unlocked():
        config.name = "sprites_level5"
        config.data.dir = "datasets/sprites_level5"
        config.data.caption_length = 12
        config.model.latent.dim = 48
        config.train.batch_size = 64
        config.train.epochs = 18
        config.train.ema_decay = 0.999
        config.samplers.prior_steps = 8000
        config.eval.samples_every_epochs = 6
    return config
