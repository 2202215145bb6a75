"""Engravings at 64 pixels, small enough for an hour on two CPU cores."""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = base.get_config()
    with config.unlocked():
        config.name = "engravings_small"
        config.data.dir = "datasets/engravings64"
        config.data.image_size = 64
        config.data.caption_length = 32

        config.model.dtype = "float32"  # CPUs gain nothing from bfloat16
        config.model.latent.dim = 256
        config.model.alignment_dim = 128
        config.model.modalities.image.patch = 16
        config.model.modalities.image.width = 256
        config.model.modalities.image.squeeze = 64
        config.model.modalities.image.heads = 4
        config.model.modalities.image.encoder_layers = 4
        config.model.modalities.image.decoder_layers = 3
        config.model.modalities.caption.width = 192
        config.model.modalities.caption.heads = 4
        config.model.modalities.caption.squeeze = 16
        config.model.modalities.caption.latent_tokens = 8
        config.model.modalities.caption.encoder_layers = 2
        config.model.modalities.caption.decoder_layers = 2
        config.model.prior.width = 384
        config.model.prior.layers = 4

        config.optimizer.learning_rate = 5e-4
        config.train.batch_size = 64
        config.train.epochs = 50
        config.train.ema_decay = 0.998
        config.eval.batch_size = 64
        config.eval.samples_every_epochs = 5
    return config
