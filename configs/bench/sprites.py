"""The embedded benchmark: one small architecture and budget for every objective and level.

`objectives.yaml` beside it says what varies; docs/benchmark.md how it is run.
"""

from ml_collections import ConfigDict

from configs import quickstart


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = quickstart.get_config()
    with config.unlocked():
        config.name = "bench"
        config.data.dir = "datasets/bench_sprites1"  # sprites:1; the sweep names the others
        config.data.caption_length = 8
        config.model.modalities.image.width = 64
        config.model.modalities.image.encoder_layers = 1
        config.model.modalities.caption.width = 32
        config.model.modalities.caption.decoder_layers = 1
        config.model.prior.width = 128
        config.model.prior.layers = 2
        config.train.epochs = 8
        config.train.ema_decay = 0.99
        config.samplers.prior_steps = 500
        config.eval.every_epochs = 4
        config.eval.samples_every_epochs = 8
        config.eval.metrics = ()  # measured after training, on the test split
        config.wandb.mode = "disabled"
    return config
