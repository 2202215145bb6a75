"""Engraved sprites at 32 pixels: some minutes on two CPU cores; what `./run.sh` trains."""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = base.get_config()
    with config.unlocked():
        config.name = "quickstart"
        config.data.dir = "datasets/sprites"
        config.data.image_size = 32
        config.data.channels = 3
        config.data.caption_length = 8
        config.data.augment = False  # the sprites vary enough, and their place is captioned

        config.model.dtype = "float32"  # CPUs gain nothing from bfloat16
        config.model.latent.dim = 32
        config.model.alignment_dim = 32
        config.model.modalities.image.width = 128
        config.model.modalities.image.heads = 4
        config.model.modalities.image.encoder_layers = 2
        config.model.modalities.image.decoder_layers = 1
        config.model.modalities.image.likelihood = "student"  # hears small figures too
        config.model.modalities.caption.width = 64
        config.model.modalities.caption.heads = 4
        config.model.modalities.caption.squeeze = 16
        config.model.modalities.caption.latent_tokens = 4
        config.model.modalities.caption.encoder_layers = 1
        config.model.modalities.caption.decoder_layers = 2
        config.model.prior.width = 384
        config.model.prior.layers = 4

        config.loss.subsets.joint = 0.2
        config.loss.subsets.image = 0.7  # captions are short and easy: pictures need the work
        config.loss.subsets.caption = 0.1

        # At an error of 0.06 `student` pulls as 10 times the squared error would.
        config.loss.weights.image = 1.2
        config.loss.weights.kl = 3e-4

        config.optimizer.learning_rate = 8e-4
        config.train.batch_size = 32
        config.train.epochs = 4
        config.train.ema_decay = 0.998
        config.samplers.prior_steps = 1500
        config.samplers.prior_learning_rate = 2e-3
        config.eval.batch_size = 64
    return config
