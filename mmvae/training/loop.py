"""Training: set-up, and the loop."""

import contextlib
import math
import time
from pathlib import Path

import jax
import numpy as np

from mmvae.data import batches as data
from mmvae.errors import UserError
from mmvae.evaluation import samples, suite
from mmvae.evaluation.families import losses
from mmvae.evaluation.job import Settings
from mmvae.inference.session import Session
from mmvae.machine import parallel
from mmvae.machine.throughput import Throughput, system_gauges
from mmvae.objectives.aggregation import Aggregator, derive
from mmvae.runs import continuation, directory
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.writers import ConsoleWriter, FileWriter, JsonlWriter, Writers, start_wandb
from mmvae.training import facts, overview, warm_start
from mmvae.training.fit_samplers import fit_samplers
from mmvae.training.plan import Plan
from mmvae.training.preemption import StopRequest
from mmvae.training.program import on_devices
from mmvae.training.state import create


class Diverged(UserError):
    """A loss term became NaN or infinite; the last good checkpoint is kept."""


def train(config, workdir):
    """Train `config` in `workdir`, resuming what is there; returns the process's exit code.

    Raises:
        UserError: anything the user can put right, Diverged among them.
    """
    data.hide_accelerators()
    plan = Plan(config)
    workdir = Path(workdir)
    if jax.process_index() == 0:
        continuation.check(workdir, config)
    console = ConsoleWriter()
    with (
        StopRequest() as stop,
        Checkpoints(
            workdir / directory.CHECKPOINTS,
            config.checkpoint.keep_best,
            config.checkpoint.keep_latest,
        ) as checkpoints,
    ):
        trainer = Trainer(plan, workdir, console, checkpoints)
        with contextlib.closing(trainer):
            trainer.run(stop)
    # Outside: a signal ends the fit at once, and the same command begins it again.
    if trainer.step == plan.total_steps:
        fit_samplers(workdir, plan.train_records, plan.val_records, console.note)
    return stop.exit_code


class Trainer:
    """One run in one process: its state, its data, and who is told about it."""

    def __init__(self, plan, workdir, console, checkpoints):
        self.plan, self.config, self.checkpoints = plan, plan.config, checkpoints
        self.console = console
        self.step, state, self.start = self._first_state()
        if jax.process_index() == 0:
            continuation.prepare(workdir, plan)  # now that nothing can be refused any more
        self.state = parallel.place(state)
        self.train_step = plan.train_step()
        self.eval_step = plan.eval_step()
        self.clock = Throughput()
        self.window, self.epoch_sums = Aggregator(), Aggregator()
        self.pending = None
        self.best = {}  # validation metrics of the best epoch so far
        self.last_save = time.monotonic()
        self.writers = self._writers(workdir, self.step or None)
        if jax.process_index() == 0:
            self._introduce(workdir)

    def run(self, stop):
        """Train until the last step, or until `stop` asks."""
        batches = self._batches()
        if self.step == 0:
            self._show_samples(before_training=True)
        while self.step < self.plan.total_steps:
            with self.clock.waiting():
                batch = next(batches)
            self._update(batch)
            end_of_epoch = self.step % self.plan.steps_per_epoch == 0
            if end_of_epoch or self.step % self.config.train.log_every_steps == 0:
                self._log()
            if end_of_epoch and self._due(self.config.eval.every_epochs):
                self._evaluate()
            stopping = stop.should_stop(self.step)
            if stopping or self._save_is_due():
                self._save()
            if stopping:
                break

    def close(self):
        """Finish writing; best values become the run's summary."""
        self.checkpoints.wait()
        best = self.checkpoints.best_step()
        if best is not None:
            values = {"best_step": best, "best_val_loss": self.checkpoints.best_val_loss()}
            self.writers.summary(values | self.best)
        self.writers.close()

    def _first_state(self):
        """(steps done, state, WarmStart or None): of a checkpoint, another run, or anew."""
        state = self.plan.initial_state()
        restored = self.checkpoints.restore_latest(jax.eval_shape(lambda: state))
        if restored:
            step, state, _ = restored
            return step, state, None
        if not self.config.init.from_run:
            return 0, state, None
        start = warm_start.warm_start(self.config, state.params, self.plan.tokenizer)
        return 0, create(start.params, self.plan.optimizer), start

    def _introduce(self, workdir):
        """Say what will happen, and keep what later reports need to know."""
        flops = self.plan.step_flops(self.train_step, self.state)
        for line in overview.lines(self.plan, self.state, flops, self.step):
            self.console.note(line)
        for line in warm_start.lines(self.start) if self.start else ():
            self.console.note(line)
        facts.keep_facts(workdir, self.plan, self.state.params, flops)

    def _batches(self):
        stream = data.train_batches(
            self.plan.train_records,
            self.plan.modalities,
            self.config.seed,
            self.config.train.batch_size,
            self.step,
            self.config.data.augment,
            jax.process_index(),
            jax.process_count(),
        )
        return on_devices(stream)

    def _update(self, batch):
        self.state, metrics = self.train_step(self.state, batch)
        self.step += 1
        self.clock.step(self.config.train.batch_size)
        # Fetched only after this step is under way, so the device never waits for the host.
        self._take_pending()
        self.pending = (self.step, metrics)

    def _take_pending(self):
        """Fetch the metrics of the step before, and stop at the first one that is not finite."""
        if self.pending is None:
            return
        step, metrics = self.pending[0], jax.device_get(self.pending[1])
        self.pending = None
        bad = sorted(n for n, (total, _) in metrics.items() if not np.all(np.isfinite(total)))
        if bad:
            # The row shows later readers where the run ended.
            shown = {f"train/{name}": math.nan for name in bad if not name.startswith("_")}
            self.writers.scalars(step, shown)
            # The first cause is a term or the gradient; the total only follows.
            named = ", ".join(n for n in bad if n.startswith(("loss_", "grad_"))) or bad[0]
            kept = self.checkpoints.latest_step()
            good = (
                f"the last good checkpoint is step {kept}" if kept else "no checkpoint exists yet"
            )
            raise Diverged(
                f"step {step}: {named} not finite. Training stopped; {good}. Try a lower learning "
                f"rate: --config.optimizer.learning_rate="
                f"{self.config.optimizer.learning_rate / 3:.1g}"
            )
        self.window.add(metrics)
        self.epoch_sums.add(metrics)

    def _log(self):
        self._take_pending()
        values = derive(self.window.result(), self.plan.modalities)
        self.window.reset()
        system = system_gauges() | self.clock.window()
        row = {f"train/{name}": value for name, value in values.items()}
        row |= {f"system/{name}": value for name, value in system.items()}
        self.writers.scalars(self.step, row | {"epoch": self.step / self.plan.steps_per_epoch})
        self._progress(values)

    def _progress(self, values):
        shown = {"loss": values["loss_total"], "lr": values["learning_rate"]}
        left = self.plan.total_steps - self.step
        self.console.progress(
            self.step,
            self.plan.total_steps,
            shown,
            self.clock.run().get("images_per_second"),
            self.clock.eta_seconds(left),
        )

    def _evaluate(self):
        with self.clock.paused():
            plan, params = self.plan, self.state.ema_params
            values = losses.measure(
                self.eval_step, params, plan.val_records, plan.modalities, self.config
            )
            showing = self._due(self.config.eval.samples_every_epochs) or self._finished
            if showing:
                values |= self._show_samples()
            self._write_epoch(values)
            self._save(values["loss_total"])

    def _write_epoch(self, values):
        epoch = self.step // self.plan.steps_per_epoch
        scalars = {f"val/{name}": v for name, v in values.items() if np.ndim(v) == 0}
        self.writers.scalars(self.step, scalars | {"epoch": float(epoch)})
        means = self.epoch_sums.result()
        self.epoch_sums.reset()
        vectors = {f"val/{name}": v for name, v in values.items() if np.ndim(v) > 0}
        vectors["train/gradient_norms"] = means["_gradient_norms"]
        self.writers.histograms(self.step, vectors)
        derived = derive(means, self.plan.modalities)
        train = {f"train/{name}": value for name, value in derived.items()}
        system = {f"system/{name}": value for name, value in self.clock.run().items()}
        best = self.checkpoints.best_val_loss()
        is_best = math.isfinite(values["loss_total"]) and (
            best is None or values["loss_total"] < best
        )
        if is_best:
            self.best = {f"best_{name}": value for name, value in scalars.items()}
        self.console.epoch_row(
            scalars | train | system | {"epoch": epoch, "step": self.step}, is_best
        )

    def _show_samples(self, before_training=False):
        """Write picture grids and the caption table; returns what they measure."""
        if jax.process_index() != 0:
            return {}
        session = Session(self.config, jax.device_get(self.state.ema_params), self.plan.tokenizer)
        shown = samples.make(session, self.plan.val_records, self.config.eval.num_samples)
        self.writers.images(self.step, shown.grids)
        self.writers.table(self.step, "captions", samples.COLUMNS, shown.rows)
        if before_training or not any(self.plan.val_records.captions):
            return {}
        settings = Settings(families=self.config.eval.metrics)
        job = suite.evaluate(session, self.plan.val_records, self.plan.train_records, settings)
        return {name: estimate.value for name, estimate in job.model.items()}

    def _save(self, val_loss=None):
        self._take_pending()
        with self.clock.paused():
            position = {"batch": self.step}
            self.checkpoints.save(self.step, self.state, position, val_loss)
        self.last_save = time.monotonic()

    def _save_is_due(self):
        if self.step % self.config.train.log_every_steps:
            return False  # to agree makes processes wait for each other
        minutes = (time.monotonic() - self.last_save) / 60
        due = minutes >= self.config.checkpoint.every_minutes
        # Every process must save together, so the clock of the first one decides.
        return parallel.agree(due)

    def _due(self, every_epochs):
        return self.step // self.plan.steps_per_epoch % every_epochs == 0 or self._finished

    @property
    def _finished(self):
        return self.step == self.plan.total_steps

    def _writers(self, workdir, resume_step):
        if jax.process_index() != 0:
            return Writers([])
        config, writers = self.config, [JsonlWriter(workdir, resume_step), FileWriter(workdir)]
        if not self._finished:  # nothing more would be told
            writers.append(
                start_wandb(
                    workdir,
                    config.wandb.project,
                    config.name,
                    config.wandb.mode,
                    config.to_dict(),
                    resume_step,
                    report=self.console.note,
                )
            )
        return Writers(writers, report=self.console.note)
