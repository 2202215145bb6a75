"""Names of a run's files, each relative to its directory."""

from mmvae import config, files
from mmvae.data import directory as data

CONFIG = config.FILE
TOKENIZER, CARD = data.TOKENIZER, data.CARD  # copied from the data set
FACTS = "facts.json"  # what is known before the first step
METRICS = "metrics.jsonl"  # every logged row
METRICS_TABLE = "metrics.csv"  # the same, wide
SAMPLES = "samples"  # pictures and caption tables
CHECKPOINTS = "checkpoints"
SAMPLERS = "samplers.npz"  # fitted after the last epoch
REPORT = "report.html"
EVALUATION = "evaluation.json"  # where the quick start has mmvae.evaluate write
LOCK = files.LOCK  # while a process trains here
WANDB = "wandb"
WANDB_ID = "wandb_run_id"
