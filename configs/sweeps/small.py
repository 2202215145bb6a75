"""Engraved sprites for sweeps on two CPU cores: about half a minute a run."""

from ml_collections import ConfigDict

from configs import quickstart


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = quickstart.get_config()
    with config.unlocked():
        config.name = "small"
        config.data.dir = "datasets/sprites_small"  # sprites:2, 2,000 pairs
        config.model.modalities.image.width = 64
        config.model.modalities.caption.width = 32
        config.model.modalities.image.encoder_layers = 1
        config.model.modalities.caption.decoder_layers = 1
        config.model.prior.width = 128
        config.model.prior.layers = 1
        config.model.modalities.image.likelihood = "multiscale"  # as in base.py, whose
        config.loss.weights.image = 10.0  # weights the shipped sweep varies
        config.train.batch_size = 16
        config.train.epochs = 4
        config.train.ema_decay = 0.98
        config.samplers.prior_steps = 200
        config.eval.samples_every_epochs = 4
        config.wandb.mode = "disabled"
    return config
