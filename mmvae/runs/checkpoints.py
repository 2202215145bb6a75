"""Checkpoints: best and latest, checked against SHA-256 sums, safe to interrupt at any moment.

Orbax writes each checkpoint in the background into `<step>.orbax-checkpoint-tmp/`; the sums are
added there; one rename to `<step>/` makes it count; only then are old steps removed. A kill at
any moment therefore leaves the newest complete checkpoint, with its sums.
"""

import contextlib
import logging
import math
import shutil
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from mmvae.errors import UserError
from mmvae.runs import host_tree, integrity
from mmvae.runs.integrity import DamagedCheckpoint

log = logging.getLogger(__name__)

_UNFINISHED = ".orbax-checkpoint-tmp"
_WRITE_ERRORS = (OSError, ValueError, RuntimeError)  # TensorStore's full disk is a ValueError


class Checkpoints(contextlib.AbstractContextManager):
    """The checkpoints of one run, in one directory that all processes share.

    With several processes, every one of them makes every call. `read_only` neither creates,
    renames nor removes anything.

    The two newest are kept by default: the newest is often the best too, and a disk error in
    the only checkpoint would lose the run.
    """

    def __init__(self, directory, keep_best=1, keep_latest=2, read_only=False):
        self._directory = Path(directory).absolute()
        self._read_only = read_only
        self._writing = None
        self._losses = {}  # of the steps saved here
        self._check_val_losses()
        # Orbax logs a failed save as 300 lines of tracebacks, one for each thread. It raises
        # every failure too, and those are reported here in one line.
        logging.getLogger("absl").addFilter(_is_not_from_orbax)
        self._manager = ocp.CheckpointManager(
            self._directory,
            item_handlers={
                "state": ocp.PyTreeCheckpointHandler(),
                "position": ocp.JsonCheckpointHandler(),
            },
            options=self._options(keep_best, keep_latest),
        )

    def _options(self, keep_best, keep_latest):
        # max_to_keep with best_fn would remove the newest step (google/orbax #526).
        latest = checkpoint_managers.LatestN(keep_latest)
        best = checkpoint_managers.BestN(
            get_metric_fn=_val_loss,
            reverse=True,  # the lowest
            n=keep_best,
            keep_checkpoints_without_metrics=False,  # half-removed by a killed process
        )
        return ocp.CheckpointManagerOptions(
            best_fn=_val_loss,
            best_mode="min",
            preservation_policy=checkpoint_managers.AnyPreservationPolicy([latest, best]),
            create=not self._read_only,
            cleanup_tmp_directories=not self._read_only,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._add_checksums),
        )

    def __exit__(self, *exc_info):
        self.wait()
        self._manager.close()

    def all_steps(self) -> list[int]:
        """The stored steps, oldest first."""
        return sorted(self._manager.all_steps())

    def latest_step(self) -> int | None:
        """The newest stored step; None if there is none."""
        return self._manager.latest_step()

    def best_step(self) -> int | None:
        """The stored step with the lowest val_loss; None if no step has a finite one."""
        step = self._manager.best_step()
        return None if step is None or math.isinf(self._loss(step)) else step

    def best_val_loss(self) -> float | None:
        """The val_loss of the best step; None if no step has a finite one."""
        step = self.best_step()
        return None if step is None else self._loss(step)

    def _loss(self, step):
        # Orbax lists a step while its metrics are still on the way to the disk.
        known = self._losses.get(step)
        return _val_loss(self._manager.metrics(step)) if known is None else known

    def save(self, step: int, state, position: dict, val_loss: float | None = None) -> bool:
        """Starts to store `state` (a pytree of arrays) and `position` (JSON) in the background.

        Evaluate first: a second save of a step changes nothing. A checkpoint whose val_loss is
        None or not finite is never the best one.

        False, after one logged line, if this save or the one before it failed to write (disk
        full); earlier checkpoints stay. ValueError if `step` is older than the newest one.
        """
        previous_ok = self.wait()
        latest = self.latest_step()
        if latest is not None and step < latest:
            raise UserError(
                f"step {step} is older than checkpoint {latest} in {self._directory}: "
                "resume from that checkpoint or use a fresh --workdir."
            )
        if step == latest:
            return previous_ok
        self._writing = step
        try:
            self._start_write(step, state, position, val_loss)
        except _WRITE_ERRORS as error:
            return self._write_failed(error)
        return previous_ok

    def _start_write(self, step, state, position, val_loss):
        # Orbax ranks NaN as the best of all, and wants a number for every step.
        loss = math.inf if val_loss is None or not math.isfinite(val_loss) else float(val_loss)
        self._losses[step] = loss
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.PyTreeSave(host_tree.to_host(state)),
                position=ocp.args.JsonSave(position),
            ),
            metrics={"val_loss": loss},
            force=True,  # skips only the interval check
        )

    def _add_checksums(self):
        """Called in the primary process when all files are written, just before the rename."""
        [unfinished] = self._directory.glob(f"{self._writing}{_UNFINISHED}*")
        integrity.write_sums(unfinished)

    def wait(self) -> bool:
        """Waits for the save in progress; False, after one logged line, if it failed."""
        try:
            self._manager.wait_until_finished()
        except _WRITE_ERRORS as error:
            return self._write_failed(error)
        return True

    def _write_failed(self, error):
        if jax.process_index() == 0:
            for unfinished in self._directory.glob(f"*{_UNFINISHED}*"):
                shutil.rmtree(unfinished, ignore_errors=True)
        self._manager.reload()  # Orbax has already forgotten the steps it was going to remove
        # TensorStore puts the cause last, after nested paths in quotes.
        reason = (str(error) or repr(error)).splitlines()[0].rsplit('": ', 1)[-1]
        log.error(
            "checkpoint %s was not written (%s); stored: %s", self._writing, reason, self._stored()
        )
        return False

    def restore_latest(self, abstract_state):
        """The newest intact (step, state, position); None if there are no checkpoints.

        Damaged newer ones are named in a warning and renamed to `<step>.corrupt`. Argument,
        answer and other errors as in `restore`; DamagedCheckpoint if all are damaged.
        """
        self.wait()
        damaged = []
        for step in reversed(self.all_steps()):
            try:
                restored = self._read(step, abstract_state)
            except DamagedCheckpoint as error:
                log.warning("%s; trying the one before", error)
                damaged.append(self._path(step))
            else:
                if not self._read_only:
                    integrity.set_aside(damaged)
                    self._manager.reload()
                return restored
        if damaged:
            raise DamagedCheckpoint(
                f"all checkpoints in {self._directory} are damaged: "
                "use a fresh --workdir, or delete that directory to start over."
            )
        return None

    def restore(self, which, abstract_state):
        """(step, state, position) of the "best" or "latest" checkpoint, or of a given step.

        "best" is the latest while no step has a val_loss. `abstract_state` gives structure,
        shapes and dtypes (`jax.eval_shape` of its making is enough). The leaves are host numpy
        arrays (typed PRNG keys: JAX arrays): place them on the devices once.

        ValueError if there is no such checkpoint or it does not fit; DamagedCheckpoint.
        """
        return self._read(self.step_of(which), abstract_state)

    def restore_subtree(self, which, name: str):
        """One field of the state, e.g. "ema_params", as nested dicts of host numpy arrays.

        Needs no template and does not load the other fields. Errors as in `restore`.
        """
        step = self.step_of(which)
        stored = self._stored_tree(step)
        if name not in stored:
            raise UserError(
                f"checkpoint {step} in {self._directory} has no {name!r}; it has {_listed(stored)}."
            )
        wanted = host_tree.abstract({name: stored[name]})
        with integrity.named(self._path(step)):
            return self._restore_items(step, wanted, partial_restore=True).state[name]

    def step_of(self, which) -> int:
        """The step of the "best" or "latest" checkpoint, or of a step that is stored.

        Raises:
            UserError: there is none.
        """
        self.wait()
        steps = self.all_steps()
        if not steps:
            raise UserError(
                f"no checkpoints in {self._directory}: train first "
                f"(python -m mmvae.main --workdir {self._directory.parent})."
            )
        which = int(which) if str(which).isdigit() else which  # a flag's text
        best = self.best_step()
        step = {"latest": steps[-1], "best": steps[-1] if best is None else best}.get(which, which)
        if step not in steps:
            raise UserError(
                f"no checkpoint {which!r} in {self._directory}; "
                f'there are "best", "latest" and {self._stored()}.'
            )
        return step

    def _read(self, step, abstract_state):
        stored, wanted = self._stored_tree(step), host_tree.abstract(abstract_state)
        # Compared here: Orbax answers a wrong shape with 300 lines on stderr.
        differing = host_tree.differences(stored, wanted)
        if differing:
            more = f"; and {len(differing) - 3} more" if len(differing) > 3 else ""
            raise UserError(
                f"checkpoint {step} in {self._directory} does not fit this model: "
                f"{'; '.join(differing[:3])}{more}. "
                "Use the config.json of that run, or a fresh --workdir."
            )
        with integrity.named(self._path(step)):
            restored = self._restore_items(step, wanted, position=ocp.args.JsonRestore())
        return step, host_tree.with_keys(abstract_state, restored.state), restored.position

    def _stored_tree(self, step):
        """Shapes and dtypes of a stored state, after a look at its checksums."""
        integrity.check_sums(self._path(step))
        with integrity.named(self._path(step)):
            return self._manager.item_metadata(step)["state"].tree

    def _restore_items(self, step, wanted, partial_restore=False, **others):
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
        state = ocp.args.PyTreeRestore(
            item=wanted, restore_args=as_numpy, partial_restore=partial_restore
        )
        return self._manager.restore(step, args=ocp.args.Composite(state=state, **others))

    def _check_val_losses(self):
        """Sets aside the steps whose val_loss would stop Orbax from opening the directory."""
        damaged = []
        for path in self._directory.glob("*"):
            try:
                if path.name.isdigit():
                    integrity.check_val_loss(path)
            except DamagedCheckpoint as error:
                if self._read_only:
                    raise
                log.warning("%s", error)
                damaged.append(path)
        integrity.set_aside(damaged)

    def _path(self, step):
        return self._directory / str(step)

    def _stored(self):
        return _listed(self.all_steps()) or "none"


def _val_loss(metrics):
    return metrics["val_loss"]


def _is_not_from_orbax(record):
    return "orbax" not in record.pathname


def _listed(items):
    return ", ".join(map(str, items))
