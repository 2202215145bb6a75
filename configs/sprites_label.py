"""The quick start with a third modality: the sprites' attributes as labels."""

from ml_collections import ConfigDict

from configs import quickstart
from mmvae.data import sprites

LEVEL = 3  # of the sprites that `./run.sh` prepares


def get_config() -> ConfigDict:
    """The complete configuration."""
    config = quickstart.get_config()
    with config.unlocked():
        config.name = "sprites_label"
        config.model.modalities.label = _label()
        config.loss.subsets.label = 0.1
        config.loss.cross.label = 0.0
        config.loss.weights.label = 0.3  # of the mean over attributes
    return config


def _label() -> ConfigDict:
    """The label modality: what the captions of this level tell, as classes."""
    label = ConfigDict()
    label.kind = "label"
    label.classes = ConfigDict({name: sprites.VALUES[name] for name in sprites.attributes(LEVEL)})
    label.width = 32
    label.heads = 2
    label.squeeze = 16  # numbers an attribute, next to the latent
    label.dropout = 0.0
    label.encoder_layers = 1
    label.decoder_layers = 1
    return label
