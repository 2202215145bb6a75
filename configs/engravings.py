"""Real engravings with the prose of their books: the way to train on a collection.

Captions alone learn a language slowly and then learn by heart. Three of ten rows of a batch are
sentences of the training books, and the caption side drops a part of what it computes.
"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    """The complete configuration, as a ConfigDict."""
    config = base.get_config()
    with config.unlocked():
        config.name = "engravings_with_prose"
        config.data.dir = "datasets/engravings_with_prose"
        config.data.shares.pair = 0.7
        config.data.shares.caption = 0.3
        config.model.modalities.caption.dropout = 0.15
        config.train.epochs = 20
    return config
