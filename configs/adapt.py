"""Pictures that mostly lack captions: prepared with --keep-uncaptioned.

python -m mmvae.main --config configs/adapt.py:RUN --config.data.dir=DATASET
"""

from ml_collections import ConfigDict

from mmvae import config as configs


def get_config(run: str) -> ConfigDict:
    """The configuration of a run directory, learning pictures and keeping its language."""
    config = configs.continuing(run)
    config.name = "adapt"
    # The few captions would make the model forget most of its words.
    config.train.freeze = ("encoders_caption/*", "decoders_caption/*")
    config.loss.subsets.joint = 0.3
    config.loss.subsets.image = 0.6
    config.loss.subsets.caption = 0.1
    config.loss.kl_warmup_fraction = 0.0
    config.optimizer.learning_rate /= 2
    return config
