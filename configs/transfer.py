"""Another corpus: what a trained run knows of pictures and words, taken to other ones.

    python -m mmvae.main --config configs/transfer.py:RUN --config.data.dir=DATASET

The data set may have its own vocabulary, picture size and channels: set
--config.data.image_size and --config.data.channels as it says.
"""

from ml_collections import ConfigDict

from mmvae import config as configs


def get_config(run: str) -> ConfigDict:
    """The configuration of a run directory, with slower blocks and a new prior."""
    config = configs.continuing(run)
    config.name = "transfer"
    config.init.skip = ("prior/*",)  # other latents will be common
    config.optimizer.multipliers = ("*/Block_*=0.3",)  # what is most general moves least
    config.loss.kl_warmup_fraction = 0.0
    return config
