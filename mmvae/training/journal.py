"""What a run tells while it trains: rows, epochs, pictures, best values, and where it diverged."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mmvae.errors import UserError
from mmvae.evaluation import samples
from mmvae.machine.throughput import Throughput, system_gauges
from mmvae.objectives.aggregation import Aggregator, derive
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.writers import ConsoleWriter, FileWriter, JsonlWriter, Writers, start_wandb
from mmvae.training.plan import Plan


class Diverged(UserError):
    """A loss term became NaN or infinite; the last good checkpoint is kept."""


class Journal:
    """The rows and tables of one run, in the order that they are written.

    Args:
        plan: of the run.
        checkpoints: asked which epoch was the best, and what is kept.
        clock: asked for rates; evaluations and saves are not counted by it.
        console: shows progress and the table of epochs.
        writers: where the rest goes.

    Attributes:
        fastest_step: seconds of a step at the devices' peak, once that is known; rows then have
            the share of it that was reached.
    """

    def __init__(
        self,
        plan: Plan,
        checkpoints: Checkpoints,
        clock: Throughput,
        console: ConsoleWriter,
        writers: Writers,
    ) -> None:
        self._plan, self._checkpoints, self._clock = plan, checkpoints, clock
        self._console, self._writers = console, writers
        self._window, self._epoch = Aggregator(), Aggregator()
        self.fastest_step = None
        self._pending = None  # (step, metrics) on the devices
        self._best = {}  # validation metrics of the best epoch so far

    def hold(self, step: int, metrics: dict[str, Any]) -> None:
        """Keep a step's {name: (sum, count)}, and fetch those of the step before.

        Called when the step is under way, so that the device never waits for the host.

        Raises:
            Diverged: as in `fetch`.
        """
        self.fetch()
        self._pending = step, metrics

    def fetch(self) -> None:
        """Fetch the metrics that are held, if any.

        Raises:
            Diverged: one is not finite.
        """
        if self._pending is None:
            return
        step, metrics = self._pending[0], jax.device_get(self._pending[1])
        self._pending = None
        bad = sorted(n for n, (total, _) in metrics.items() if not np.all(np.isfinite(total)))
        if bad:
            self._diverged(step, bad)
        self._window.add(metrics)
        self._epoch.add(metrics)

    def row(self, step: int) -> None:
        """Write the means since the last row, and the state of the machine."""
        self.fetch()
        values = derive(self._window.result(), self._plan.modalities)
        self._window.reset()
        system = system_gauges() | self._rates()
        scalars = _named("train", values) | _named("system", system)
        self._writers.scalars(step, scalars | {"epoch": step / self._plan.steps_per_epoch})
        self._progress(step, values)

    def epoch(self, step: int, values: dict[str, Any], score: float) -> None:
        """Write what was measured after an epoch: {name of "val/": a number, or a vector}.

        `score` is what the best checkpoint has least of.
        """
        epoch = step // self._plan.steps_per_epoch
        scalars = _named("val", {name: v for name, v in values.items() if np.ndim(v) == 0})
        self._writers.scalars(step, scalars | {"epoch": float(epoch)})
        means = self._epoch.result()
        self._epoch.reset()
        vectors = _named("val", {name: v for name, v in values.items() if np.ndim(v) > 0})
        vectors["train/gradient_norms"] = means["_gradient_norms"]
        self._writers.histograms(step, vectors)
        is_best = self._is_best(score)
        if is_best:
            self._best = {f"best_{name}": value for name, value in scalars.items()}
        rest = _named("train", derive(means, self._plan.modalities)) | _named(
            "system", self._clock.run()
        )
        place = {"epoch": epoch, "step": step}
        self._console.epoch_row(scalars | rest | place, is_best)

    def samples(self, step: int, shown: samples.Samples) -> None:
        """Write picture grids and the caption table."""
        self._writers.images(step, shown.grids)
        self._writers.table(step, "captions", samples.COLUMNS, shown.rows)

    def close(self) -> None:
        """Finish writing; best values become the run's summary."""
        best = self._checkpoints.best_step()
        if best is not None:
            values = {"best_step": best, "best_val_loss": self._checkpoints.best_val_loss()}
            self._writers.summary(values | self._best)
        self._writers.close()

    def _rates(self):
        rates = self._clock.window()
        if rates and self.fastest_step is not None:
            rates["mfu_percent"] = 100 * self.fastest_step / rates["step_seconds"]
        return rates

    def _progress(self, step, values):
        shown = {"loss": values["loss_total"], "lr": values["learning_rate"]}
        speed = self._clock.run().get("images_per_second")
        total = self._plan.total_steps
        self._console.progress(step, total, shown, speed, self._clock.eta_seconds(total - step))

    def _is_best(self, score):
        best = self._checkpoints.best_score()
        return math.isfinite(score) and (best is None or score < best)

    def _diverged(self, step, bad):
        # The row shows later readers where the run ended.
        shown = {name: math.nan for name in bad if not name.startswith("_")}
        self._writers.scalars(step, _named("train", shown))
        # The first cause is a term or the gradient; the total only follows.
        named = ", ".join(n for n in bad if n.startswith(("loss_", "grad_"))) or bad[0]
        kept = self._checkpoints.latest_step()
        good = f"the last good checkpoint is step {kept}" if kept else "no checkpoint exists yet"
        raise Diverged(
            f"step {step}: {named} not finite. Training stopped; {good}. Try a lower learning "
            f"rate: --config.optimizer.learning_rate="
            f"{self._plan.config.optimizer.learning_rate / 3:.1g}"
        )


def writers(
    workdir: Path,
    config: ConfigDict,
    resume_step: int | None,
    console: ConsoleWriter,
    finished: bool,
) -> Writers:
    """Where the rows of a run go; nowhere in every process but the first.

    `resume_step` None begins the logs anew. Of a run that is `finished` already, nothing more
    would be told.
    """
    if jax.process_index() != 0:
        return Writers([])
    every = [JsonlWriter(workdir, resume_step), FileWriter(workdir)]
    if not finished:
        named = config.wandb.project, config.name, config.wandb.mode
        every.append(start_wandb(workdir, *named, config.to_dict(), resume_step, console.note))
    return Writers(every, report=console.note)


def _named(group, values):
    return {f"{group}/{name}": value for name, value in values.items()}
