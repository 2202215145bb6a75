"""Training: set-up, and the loop."""

import contextlib
import itertools
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
from mmvae.machine import devices, parallel
from mmvae.machine.background import Interrupted
from mmvae.machine.throughput import Start, Throughput
from mmvae.runs import best, continuation, directory
from mmvae.runs.checkpoints import Checkpoints
from mmvae.runs.writers import ConsoleWriter
from mmvae.training import ahead, beginning, facts, journal
from mmvae.training.fit_samplers import fit_samplers
from mmvae.training.plan import Plan
from mmvae.training.preemption import StopRequest
from mmvae.training.program import on_devices


def train(config: ConfigDict, workdir: str | Path) -> int:
    """Train `config` in `workdir`, resuming what is there; returns the process's exit code.

    Raises:
        UserError: anything the user can put right, `journal.Diverged` among them.
    """
    start = Start()
    start.reached("libraries")
    data.hide_accelerators()
    workdir, console = Path(workdir), ConsoleWriter()
    begun = continuation.as_begun(config, workdir)
    plan = Plan(begun)
    start.reached("data")
    with _alone(workdir):
        if jax.process_index() == 0:
            continuation.check(workdir, begun)
            _tell_rule(begun, config, console)
        return _train(plan, workdir, console, start)


def _tell_rule(begun, config, console):
    rule = begun.checkpoint.best_by
    if rule != config.checkpoint.best_by:
        console.note(f"continued   config.checkpoint.best_by stays {rule}, as the run was begun")


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


def _train(plan, workdir, console, start):
    keep = plan.config.checkpoint
    with (
        StopRequest() as stop,
        Checkpoints(
            workdir / directory.CHECKPOINTS, keep.keep_best, keep.keep_latest
        ) as checkpoints,
    ):
        try:
            trainer = Trainer(plan, workdir, console, checkpoints, stop)
            with contextlib.closing(trainer):
                trainer.run(start)
        except Interrupted:  # nothing is lost but the seconds since the start
            return stop.exit_code
        _check_stored(trainer.step, checkpoints.latest_step() or 0)
    # Outside: a signal ends the fit at once, and the same command begins it again.
    if trainer.step == plan.total_steps:
        fit_samplers(workdir, plan.train_records, plan.val_records, console.note)
    return stop.exit_code


def _check_stored(step, stored):
    if stored != step:
        where = f"after step {stored}" if stored else "from the start"
        raise UserError(
            f"step {step} could not be stored (see above); make room for its checkpoint "
            f"and type the same command: it goes on {where}."
        )


class Trainer:
    """One run in one process: its state, its data, and the order of things.

    Args:
        plan: of the run.
        workdir: its directory.
        console: where the start is told, and progress shown.
        checkpoints: of the run; it goes on from the newest.
        stop: asked whether to end.

    Raises:
        Interrupted: `stop` asked while something was compiled.
    """

    def __init__(
        self,
        plan: Plan,
        workdir: Path,
        console: ConsoleWriter,
        checkpoints: Checkpoints,
        stop: StopRequest,
    ) -> None:
        self.plan, self.config, self.checkpoints = plan, plan.config, checkpoints
        self.stop, self.workdir, self.console, self.changed = stop, workdir, console, {}
        done = checkpoints.latest_step() == plan.total_steps
        self.train_step = None if done else ahead.train_step(plan)
        self.step, state, warm = beginning.first_state(plan, checkpoints, stop.asked)
        if jax.process_index() == 0:
            # Now that nothing can be refused any more.
            self.changed = continuation.keep(workdir, self.config)
        self.state = parallel.place(state)
        self.clock = Throughput()
        self.last_save = time.monotonic()
        resumed = self.step or None
        writers = journal.writers(workdir, self.config, resumed, console, self._finished)
        self.journal = journal.Journal(plan, checkpoints, self.clock, console, writers)
        self.flops = plan.step_flops()  # the train step is compiled meanwhile
        if jax.process_index() == 0:
            here = plan, self.state, self.flops, self.step
            for line in beginning.lines(*here, warm, self.changed):
                console.note(line)

    def run(self, start: Start) -> None:
        """Train until the last step, or until asked to stop; `start` learns of the first one.

        Raises:
            Diverged: a loss term or the gradient is not finite.
            Interrupted: asked to stop while something was compiled.
        """
        start.reached("state and summary")
        train_step, batches = self._begun()
        start.reached("compilation")
        while not self._finished:
            with self.clock.waiting():
                batch = next(batches)
            self._update(train_step, batch)
            if start:
                self.journal.fetch()
                start.reached("step")
                self.console.note(f"started     first step {start.told()}")
                start = None
            if self.first_samples_due and self.looking.shown:
                self._show_first_samples()
            end_of_epoch = self.step % self.plan.steps_per_epoch == 0
            if end_of_epoch or self.step % self.config.train.log_every_steps == 0:
                self.journal.row(self.step)
            if end_of_epoch and self._due(self.config.eval.every_epochs):
                self._evaluate()
            stopping = self.stop.should_stop(self.step)
            if stopping or self._save_is_due():
                self._save()
            if stopping:
                break

    def close(self) -> None:
        """Finish writing."""
        self.checkpoints.wait()
        self.journal.close()

    def _begun(self):
        """(compiled train step, batches), when both are there and the facts are kept."""
        if self._finished:
            self._keep_facts()
            return None, None
        batches = self._batches()
        first = next(batches)
        # Not made before, a checkpoint of the last step is damaged.
        train_step = (self.train_step or ahead.train_step(self.plan)).result(self.stop.asked)
        self._keep_facts()  # it measures the device, which rests now
        looks = jax.process_index() == 0 and self.config.eval.samples_every_epochs
        shown = self.plan.val_records if looks else None
        params = jax.device_get(self.state.ema_params)
        self.looking = ahead.Looking(self.plan, params, self.plan.tokenizer, shown)
        # Of a run that resumes they are only compiled.
        self.first_samples_due = self.step == 0 and shown is not None
        return train_step, itertools.chain([first], batches)

    def _keep_facts(self):
        peak = devices.peak(self.config.model.dtype)
        self.journal.fastest_step = self.flops / peak
        if jax.process_index() == 0:
            known = self.plan, self.state.params, self.flops, peak, self.step, self.changed
            facts.keep(self.workdir, *known)

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

    def _update(self, train_step, batch):
        self.state, metrics = train_step(self.state, batch)
        self.step += 1
        self.clock.step(self.config.train.batch_size)
        self.journal.hold(self.step, metrics)

    def _evaluate(self):
        with self.clock.paused():
            if self.first_samples_due:
                self._show_first_samples()
            plan, params = self.plan, self.state.ema_params
            eval_step = self.looking.eval_step(self.stop.asked)
            values = losses.measure(
                eval_step, params, plan.val_records, plan.modalities, self.config
            )
            if self._due(self.config.eval.samples_every_epochs):
                values |= self._show_samples()
            score = best.score(self.config.checkpoint.best_by, values, plan.halves)
            self.journal.epoch(self.step, values, score)
            self._save(values["loss_total"], score)

    def _show_first_samples(self):
        """Write those of the model before training, when they are there."""
        with self.clock.paused():
            self.journal.samples(0, self.looking.samples(self.stop.asked))
        self.first_samples_due = False

    def _show_samples(self):
        """Write picture grids and the caption table; returns what they measure."""
        if jax.process_index() != 0:
            return {}
        session = Session(self.config, jax.device_get(self.state.ema_params), self.plan.tokenizer)
        val_records, count = self.plan.val_records, self.config.eval.num_samples
        self.journal.samples(self.step, samples.make(session, val_records, count))
        if not any(val_records.captions):
            return {}
        settings = Settings(families=self.config.eval.metrics)
        job = suite.evaluate(session, val_records, self.plan.train_records, settings)
        return {name: estimate.value for name, estimate in job.model.items()}

    def _save(self, val_loss=None, score=None):
        self.journal.fetch()
        with self.clock.paused():
            position = {"batch": self.step}
            self.checkpoints.save(self.step, self.state, position, val_loss, score)
        self.last_save = time.monotonic()

    def _save_is_due(self):
        if self.step % self.config.train.log_every_steps:
            return False  # to agree makes processes wait for each other
        due = time.monotonic() - self.last_save >= 60 * self.config.checkpoint.every_minutes
        # Every process must save together, so the clock of the first one decides.
        return parallel.agree(due)

    def _due(self, every_epochs):
        epoch = self.step // self.plan.steps_per_epoch
        return every_epochs and (epoch % every_epochs == 0 or self._finished)

    @property
    def _finished(self):
        return self.step == self.plan.total_steps
