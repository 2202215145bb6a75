"""One engraver or one book: a trained run goes on with a few hundred pairs of one hand.

python -m mmvae.main --config configs/finetune_style.py:RUN --config.data.dir=DATASET
"""

from ml_collections import ConfigDict

from mmvae import config as configs


def get_config(run: str) -> ConfigDict:
    """The configuration of a run directory, changed for a short stay on little data."""
    config = configs.continuing(run)
    config.name = "finetune_style"
    # Best on both books of docs/results.md: few pairs do not teach what to look for.
    config.train.freeze = ("encoders_*",)
    config.optimizer.learning_rate /= 2
    config.optimizer.warmup_fraction = 0.1
    config.loss.kl_warmup_fraction = 0.0  # the latent is in use already
    config.train.batch_size = 16
    config.train.accumulate_steps = 1
    config.train.epochs = 20
    config.train.ema_decay = 0.98
    config.train.log_every_steps = 5
    config.samplers.prior_steps = 500
    config.eval.batch_size = 16
    config.eval.samples_every_epochs = 20
    return config
