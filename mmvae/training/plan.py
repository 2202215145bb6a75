"""What a run will do, before it does it: its configuration against its data set and machine."""

from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mmvae.data import batches, directory, modalities, pools, records
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError
from mmvae.evaluation import baselines, suite
from mmvae.objectives import requirements
from mmvae.training import checks
from mmvae.training.program import Program


class Plan(Program):
    """What a run will do, known before anything is computed: data, model, steps.

    `rows` is {kind: number} of the training rows (see `data/pools`); an epoch is a pass over
    pairs where batches have fixed shares.

    Raises:
        UserError: config and data set do not fit each other or this machine.
    """

    def __init__(self, config: ConfigDict) -> None:
        checks.validate(config, jax.device_count(), jax.process_count())
        suite.check(config.eval.metrics, "config.eval.metrics:")
        folder = Path(config.data.dir)
        if not (folder / directory.INFO).exists():
            raise UserError(
                f"config.data.dir={folder} holds no prepared data set (no {directory.INFO}); make "
                f"one (python -m data_prep.prepare --source SPEC --out {folder}), or type "
                f"--config.data.dir=DATASET."
            )
        self.train_records = records.read(folder, "train")
        self.val_records = records.read(folder, "val")
        self.card = directory.read_card(folder)
        checks.check_against_card(config, self.card)
        self.tokenizer = Tokenizer(folder / directory.TOKENIZER)
        kinds = modalities.of_run(config, self.tokenizer)
        present = batches.present(self.train_records, kinds)
        self.rows = pools.counts(present)
        leading, *others = pools.of(present, config.data.shares, config.train.batch_size)
        self.steps_per_epoch = batches.steps_per_epoch(len(leading.rows), leading.size)
        super().__init__(config, kinds, self.steps_per_epoch * config.train.epochs)
        used = np.concatenate([pool.rows for pool in (leading, *others)])
        complete = np.all(list(present.values()), axis=0)[used]
        requirements.check_rows(config, int(np.sum(~complete)), len(used))

    @cached_property
    def baselines(self) -> dict[str, dict[str, float]]:
        """{baseline: {metric: value}} of what needs no model, on the validation split."""
        return baselines.before_training(self.train_records, self.val_records, self.modalities)

    @property
    def halves(self) -> dict[str, float]:
        """{metric: trivial value} of each half; the best checkpoint is chosen beside them."""
        return baselines.halves(self.baselines)

    def vocabulary(self) -> dict[str, Any]:
        """The card's vocabulary statistics, cut captions counted at this run's length."""
        length = self.config.data.caption_length
        lengths = [len(ids) + 1 for ids in self.train_records.pairs.caption_ids]
        cut = {"caption_length": length, "truncated": float(np.mean(np.array(lengths) > length))}
        return self.card["vocabulary"] | cut
