"""Pictures with lines: a flow decoder behind the latent of a trained run, which stays as it is.

python -m mmvae.main --config configs/flow_decoder.py:RUN
"""

from ml_collections import ConfigDict

from mmvae import config as configs


def get_config(run: str) -> ConfigDict:
    """The configuration of a run directory, where the flow alone is trained, anew."""
    config = configs.continuing(run)
    config.name = "flow_decoder"
    config.model.modalities.image.decoder = "flow"
    config.init.skip = ("decoders_image/flow/*",)
    config.train.freeze = ("*", "!decoders_image/flow/*")
    config.optimizer.learning_rate = 5e-4
    config.loss.kl_warmup_fraction = 0.0
    return config
