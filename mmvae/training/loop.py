"""Training: set-up, and the loop."""

import contextlib
import time
from pathlib import Path

import jax
from ml_collections import ConfigDict

from mmvae import files
from mmvae.data import batches as data
from mmvae.errors import UserError
from mmvae.evaluation import samples, suite
from mmvae.evaluation.families import losses
from mmvae.evaluation.job import Settings
from mmvae.inference.session import Session
from mmvae.machine import parallel
from mmvae.machine.throughput import Throughput
from mmvae.runs import continuation, directory
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.writers import ConsoleWriter
from mmvae.training import facts, journal, overview, warm_start
from mmvae.training.fit_samplers import fit_samplers
from mmvae.training.plan import Plan
from mmvae.training.preemption import StopRequest
from mmvae.training.program import on_devices
from mmvae.training.state import create


def train(config: ConfigDict, workdir: str | Path) -> int:
    """Train `config` in `workdir`, resuming what is there; returns the process's exit code.

    Raises:
        UserError: anything the user can put right, `journal.Diverged` among them.
    """
    data.hide_accelerators()
    plan, workdir = Plan(config), Path(workdir)
    with _alone(workdir):
        if jax.process_index() == 0:
            continuation.check(workdir, config)
        return _train(plan, workdir, ConsoleWriter())


@contextlib.contextmanager
def _alone(workdir):
    """The first process keeps others out of the directory that its own ones share."""
    if jax.process_index() != 0:
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    doing = f"is training in {workdir}"
    with files.alone(workdir / directory.LOCK, doing, "type --workdir NEW for another run"):
        yield


def _train(plan, workdir, console):
    keep = plan.config.checkpoint
    with (
        StopRequest() as stop,
        Checkpoints(
            workdir / directory.CHECKPOINTS, keep.keep_best, keep.keep_latest
        ) as checkpoints,
    ):
        trainer = Trainer(plan, workdir, console, checkpoints)
        with contextlib.closing(trainer):
            trainer.run(stop)
        trainer.check_stored()
    # Outside: a signal ends the fit at once, and the same command begins it again.
    if trainer.step == plan.total_steps:
        fit_samplers(workdir, plan.train_records, plan.val_records, console.note)
    return stop.exit_code


class Trainer:
    """One run in one process: its state, its data, and the order of things.

    Args:
        plan: of the run.
        workdir: its directory.
        console: where the start is told, and progress shown.
        checkpoints: of the run; it goes on from the newest.
    """

    def __init__(
        self, plan: Plan, workdir: Path, console: ConsoleWriter, checkpoints: Checkpoints
    ) -> None:
        self.plan, self.config, self.checkpoints = plan, plan.config, checkpoints
        self.step, state, start = self._first_state()
        self._check_length()
        if jax.process_index() == 0:
            # Now that nothing can be refused any more.
            changed = continuation.keep(workdir, self.config)
        self.state = parallel.place(state)
        self.train_step = plan.train_step()
        self.eval_step = plan.eval_step()
        self.clock = Throughput()
        self.last_save = time.monotonic()
        resumed = self.step or None
        writers = journal.writers(workdir, self.config, resumed, console, self._finished)
        self.journal = journal.Journal(plan, checkpoints, self.clock, console, writers)
        if jax.process_index() == 0:
            self._introduce(workdir, console, start, changed)

    def run(self, stop: StopRequest) -> None:
        """Train until the last step, or until `stop` asks.

        Raises:
            Diverged: a loss term or the gradient is not finite.
        """
        batches = self._batches()
        if self.step == 0:
            self._show_samples(before_training=True)
        while not self._finished:
            with self.clock.waiting():
                batch = next(batches)
            self._update(batch)
            end_of_epoch = self.step % self.plan.steps_per_epoch == 0
            if end_of_epoch or self.step % self.config.train.log_every_steps == 0:
                self.journal.row(self.step)
            if end_of_epoch and self._due(self.config.eval.every_epochs):
                self._evaluate()
            stopping = stop.should_stop(self.step)
            if stopping or self._save_is_due():
                self._save()
            if stopping:
                break

    def close(self) -> None:
        """Finish writing."""
        self.checkpoints.wait()
        self.journal.close()

    def check_stored(self) -> None:
        """Whether all that was trained is in a checkpoint.

        Raises:
            UserError: it is not; the log said why.
        """
        stored = self.checkpoints.latest_step()
        if stored != self.step:
            where = f"after step {stored}" if stored else "from the start"
            raise UserError(
                f"step {self.step} could not be stored (see above); make room for its checkpoint "
                f"and type the same command: it goes on {where}."
            )

    def _check_length(self):
        if self.step > self.plan.total_steps:
            done = -(-self.step // self.plan.steps_per_epoch)
            raise UserError(
                f"config.train.epochs={self.config.train.epochs} is less than what the run has "
                f"trained already ({self.step:,} steps); type --config.train.epochs={done} or more."
            )

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

    def _introduce(self, workdir, console, start, changed):
        """Say what will happen, and keep what later reports need to know."""
        flops = self.plan.step_flops(self.train_step, self.state)
        for line in overview.lines(self.plan, self.state, flops, self.step):
            console.note(line)
        for line in warm_start.lines(start) if start else ():
            console.note(line)
        for path, (before, now) in changed.items():
            console.note(f"continued   config.{path}: {before} before, {now} now")
        facts.keep_facts(workdir, self.plan, self.state.params, flops)
        if changed:
            facts.add_change(workdir, self.plan, self.step, changed)

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
            self.config.data.shares,
        )
        return on_devices(stream)

    def _update(self, batch):
        self.state, metrics = self.train_step(self.state, batch)
        self.step += 1
        self.clock.step(self.config.train.batch_size)
        self.journal.hold(self.step, metrics)

    def _evaluate(self):
        with self.clock.paused():
            plan, params = self.plan, self.state.ema_params
            values = losses.measure(
                self.eval_step, params, plan.val_records, plan.modalities, self.config
            )
            if self._due(self.config.eval.samples_every_epochs):
                values |= self._show_samples()
            self.journal.epoch(self.step, values)
            self._save(values["loss_total"])

    def _show_samples(self, before_training=False):
        """Write picture grids and the caption table; returns what they measure."""
        if jax.process_index() != 0:
            return {}
        session = Session(self.config, jax.device_get(self.state.ema_params), self.plan.tokenizer)
        val_records = self.plan.val_records
        self.journal.samples(
            self.step, samples.make(session, val_records, self.config.eval.num_samples)
        )
        if before_training or not any(val_records.captions):
            return {}
        settings = Settings(families=self.config.eval.metrics)
        job = suite.evaluate(session, val_records, self.plan.train_records, settings)
        return {name: estimate.value for name, estimate in job.model.items()}

    def _save(self, val_loss=None):
        self.journal.fetch()
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
