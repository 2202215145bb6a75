"""A configuration of a run of seconds: `--config tests/campaign/small.py`."""

from ml_collections import ConfigDict

from support import tiny


def get_config() -> ConfigDict:
    """The tiny model over sprites, with a checkpoint at nearly every step."""
    return tiny.config(
        data__image_size=32,
        data__channels=3,
        train__epochs=6,
        train__log_every_steps=1,
        checkpoint__every_minutes=0.001,
        wandb__mode="disabled",
        eval__metrics=(),
    )
