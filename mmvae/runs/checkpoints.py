"""Checkpoints: best and latest, checked against SHA-256 sums, safe to interrupt at any moment.

The sums of a checkpoint are added before the rename that makes it count (see `orbax`). A kill at
any moment therefore leaves the newest complete checkpoint, with its sums.
"""

import contextlib
import logging
from pathlib import Path
from typing import Any

from mmvae.errors import UserError
from mmvae.runs import host_tree, integrity, orbax
from mmvae.runs.integrity import DamagedCheckpoint

log = logging.getLogger(__name__)

Number = float | None


class Checkpoints(contextlib.AbstractContextManager):
    """The checkpoints of one run, in one directory that all processes share.

    With several processes, every one of them makes every call. `read_only` neither creates,
    renames nor removes anything. The two newest are kept by default: the newest is often the best
    too, and a disk error in the only checkpoint would lose the run.
    """

    def __init__(
        self,
        directory: str | Path,
        keep_best: int = 1,
        keep_latest: int = 2,
        read_only: bool = False,
    ) -> None:
        self._directory = Path(directory).absolute()
        self._read_only = read_only
        integrity.check_val_losses(self._directory, read_only)
        self._store = orbax.Store(
            self._directory, keep_best, keep_latest, read_only, integrity.write_sums
        )

    def __exit__(self, *exc_info: object) -> None:
        self.wait()
        self._store.close()

    def all_steps(self) -> list[int]:
        """The stored steps, oldest first."""
        return self._store.steps()

    def latest_step(self) -> int | None:
        """The newest stored step; None if there is none."""
        return next(reversed(self.all_steps()), None)

    def best_step(self) -> int | None:
        """The stored step with the lowest score; None if no step has a finite one."""
        return self._store.best_step()

    def best_val_loss(self) -> float | None:
        """The val_loss of the best step; None if no step has a finite one."""
        step = self.best_step()
        return None if step is None else self._store.val_loss(step)

    def best_score(self) -> float | None:
        """The score of the best step (see `best`); None if no step has a finite one."""
        step = self.best_step()
        return None if step is None else self._store.score(step)

    def save(
        self, step: int, state: Any, position: dict, val_loss: Number = None, score: Number = None
    ) -> bool:
        """Start to store `state` (a pytree of arrays) and `position` (JSON) in the background.

        Evaluate first: a second save of a step changes nothing. The best checkpoint has the lowest
        score, which is the val_loss unless given; one without a finite score is never the best.

        False, after one logged line, if this or the save before failed (disk full); others stay.

        Raises:
            UserError: `step` is older than the newest one.
        """
        previous_ok = self.wait()
        latest = self.latest_step()
        _check_order(step, latest, self._directory)
        if step != latest:
            try:
                score = val_loss if score is None else score
                self._store.write(step, host_tree.to_host(state), position, val_loss, score)
            except orbax.WRITE_ERRORS as error:
                return self._write_failed(error)
        return previous_ok

    def wait(self) -> bool:
        """Wait for the save in progress; False, after one logged line, if it failed."""
        try:
            self._store.wait()
        except orbax.WRITE_ERRORS as error:
            return self._write_failed(error)
        return True

    def _write_failed(self, error):
        self._store.forget_unfinished()
        parts = self._store.writing, orbax.cause(error), _listed(self.all_steps())
        log.error("checkpoint %s was not written (%s); stored: %s", *parts)
        return False

    def restore_latest(self, abstract_state: Any) -> tuple[int, Any, dict] | None:
        """The newest intact (step, state, position); None if there are no checkpoints.

        Damaged newer ones are named in a warning and renamed to `<step>.corrupt`.

        Raises:
            UserError: it does not fit; DamagedCheckpoint if all are damaged.
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
                    self._store.reload()
                return restored
        if damaged:
            raise DamagedCheckpoint(
                f"all checkpoints in {self._directory} are damaged: "
                "use a fresh --workdir, or delete that directory to start over."
            )
        return None

    def restore(self, which: str | int, abstract_state: Any) -> tuple[int, Any, dict]:
        """(step, state, position) of the "best" or "latest" checkpoint, or of a given step.

        "best" is the latest while no step has a score. `abstract_state` gives structure,
        shapes and dtypes (`jax.eval_shape` of its making is enough). The leaves are host numpy
        arrays (typed PRNG keys: JAX arrays): place them on the devices once.

        Raises:
            UserError: no such checkpoint, or it does not fit; DamagedCheckpoint.
        """
        return self._read(self.step_of(which), abstract_state)

    def restore_subtree(self, which: str | int, name: str) -> dict:
        """One field of the state, e.g. "ema_params", as nested dicts of host numpy arrays.

        Needs no template and does not load the other fields.

        Raises:
            UserError: as in `restore`, or there is no such field.
        """
        step = self.step_of(which)
        stored = self._stored_tree(step)
        if name not in stored:
            raise UserError(
                f"checkpoint {step} in {self._directory} has no {name!r}; it has {_listed(stored)}."
            )
        wanted = host_tree.abstract({name: stored[name]})
        with integrity.named(self._path(step)):
            return self._store.read_part(step, wanted)[name]

    def step_of(self, which: str | int) -> int:
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
            stored = f'there are "best", "latest" and {_listed(steps)}.'
            raise UserError(f"no checkpoint {which!r} in {self._directory}; {stored}")
        return step

    def _read(self, step, abstract_state):
        stored, wanted = self._stored_tree(step), host_tree.abstract(abstract_state)
        _check_fit(stored, wanted, f"checkpoint {step} in {self._directory}")
        with integrity.named(self._path(step)):
            state, position = self._store.read(step, wanted)
        return step, host_tree.with_keys(abstract_state, state), position

    def _stored_tree(self, step):
        """Shapes and dtypes of a stored state, after a look at its checksums."""
        integrity.check_sums(self._path(step))
        with integrity.named(self._path(step)):
            return self._store.tree(step)

    def _path(self, step):
        return self._directory / str(step)


def _check_order(step, latest, directory):
    if latest is not None and step < latest:
        raise UserError(
            f"step {step} is older than checkpoint {latest} in {directory}: "
            "resume from that checkpoint or use a fresh --workdir."
        )


def _check_fit(stored, wanted, what):
    # Compared here: Orbax answers a wrong shape with 300 lines on stderr.
    differing = host_tree.differences(stored, wanted)
    if differing:
        more = f"; and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise UserError(
            f"{what} does not fit this model: {'; '.join(differing[:3])}{more}. "
            "Use the config.json of that run, or a fresh --workdir."
        )


def _listed(items):
    return ", ".join(map(str, items)) or "none"
