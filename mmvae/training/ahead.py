"""What a run compiles, beside its main thread and in the order in which it is needed."""

from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from mmvae.data.records import Records
from mmvae.data.text import Tokenizer
from mmvae.evaluation import samples
from mmvae.inference.session import Session
from mmvae.machine import parallel
from mmvae.machine.background import Background
from mmvae.training.program import Program


def train_step(program: Program) -> Background:
    """The compiled train step of a run."""
    arguments = program.state_shapes(), program.example_batch()
    return Background(parallel.compiled, program.train_step(), *arguments)


class Looking:
    """What it takes to look at a model: its first samples, then the compiled eval step.

    Made once the first step is under way. Samples compile what later ones run.

    Args:
        program: of the run.
        params: the averaged parameters, on the host.
        tokenizer: of the captions.
        records: of validation, the first of which are shown; None makes no samples.
    """

    def __init__(
        self, program: Program, params: Any, tokenizer: Tokenizer, records: Records | None
    ) -> None:
        self._samples = Background(_samples, program.config, params, tokenizer, records)
        self._eval_step = Background(self._compile, program)

    @property
    def shown(self) -> bool:
        """Whether the samples are there."""
        return self._samples.over

    def samples(self, stopped: Callable[[], bool]) -> samples.Samples | None:
        """Of the parameters given; see `Background.result`."""
        return self._samples.result(stopped)

    def eval_step(self, stopped: Callable[[], bool]) -> Callable:
        """The compiled eval step; see `Background.result`."""
        return self._eval_step.result(stopped)

    def _compile(self, program):
        self._samples.result()  # one after the other: training needs cores too
        batch = program.example_batch(program.config.eval.batch_size)
        params = program.state_shapes().ema_params
        return parallel.compiled(program.eval_step(), params, batch)


def _samples(config: ConfigDict, params, tokenizer, records):
    if records is None:
        return None
    session = Session(config, params, tokenizer)
    return samples.make(session, records, config.eval.num_samples)
