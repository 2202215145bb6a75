"""Orbax's checkpoint manager, with its quirks kept from those who use it.

Orbax writes a checkpoint in the background into `<step>.orbax-checkpoint-tmp/`; one rename to
`<step>/` makes it count; only then are old steps removed.
"""

import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

WRITE_ERRORS = (OSError, ValueError, RuntimeError)  # TensorStore's full disk is a ValueError
_UNFINISHED = ".orbax-checkpoint-tmp"


class Store:
    """Steps in a directory: each a state (numpy arrays), a position (JSON), val_loss and score.

    Args:
        directory: absolute; all processes share it, and each makes every call.
        keep_best: steps of lowest score that are kept.
        keep_latest: newest steps that are kept.
        read_only: neither create nor remove anything.
        before_rename: called in the primary process with the folder of a step whose files are all
            written and which does not count yet.
    """

    def __init__(
        self,
        directory: Path,
        keep_best: int,
        keep_latest: int,
        read_only: bool,
        before_rename: Callable[[Path], None],
    ) -> None:
        self._directory, self._before_rename = directory, before_rename
        self.writing: int | None = None  # the step last begun
        self._metrics = {}  # of the steps saved here
        # Orbax logs a failed save as 300 lines of tracebacks, one for each thread. It raises
        # every failure too, and those are told in one line.
        logging.getLogger("absl").addFilter(_is_not_from_orbax)
        callback = ocp.AsyncOptions(post_finalization_callback=self._renaming)
        self._manager = ocp.CheckpointManager(
            directory,
            item_handlers={
                "state": ocp.PyTreeCheckpointHandler(),
                "position": ocp.JsonCheckpointHandler(),
            },
            options=ocp.CheckpointManagerOptions(
                best_fn=_score,
                best_mode="min",
                preservation_policy=_kept(keep_best, keep_latest),
                create=not read_only,
                cleanup_tmp_directories=not read_only,
                async_options=callback,
            ),
        )

    def steps(self) -> list[int]:
        """The stored steps, oldest first."""
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """The step with the lowest score; None if no step has a finite one."""
        step = self._manager.best_step()
        return None if step is None or math.isinf(self.score(step)) else step

    def val_loss(self, step: int) -> float:
        """The val_loss of a stored step, infinite where it has none."""
        return self._metrics_of(step)["val_loss"]

    def score(self, step: int) -> float:
        """The score of a stored step, infinite where it has none."""
        return _score(self._metrics_of(step))

    def write(
        self, step: int, state: Any, position: dict, val_loss: float | None, score: float | None
    ) -> None:
        """Start to write in the background; WRITE_ERRORS come here or from `wait`."""
        metrics = {"val_loss": _number(val_loss), "score": _number(score)}
        self.writing, self._metrics[step] = step, metrics
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.PyTreeSave(state), position=ocp.args.JsonSave(position)
            ),
            metrics=metrics,
            force=True,  # skips only the interval check
        )

    def wait(self) -> None:
        """Wait for what is being written; WRITE_ERRORS if that failed."""
        self._manager.wait_until_finished()

    def forget_unfinished(self) -> None:
        """After a failed write: remove what is left of it, and look at the directory anew."""
        if jax.process_index() == 0:
            for unfinished in self._directory.glob(f"*{_UNFINISHED}*"):
                shutil.rmtree(unfinished, ignore_errors=True)
        self.reload()  # Orbax has already forgotten the steps it was going to remove

    def reload(self) -> None:
        """Look at the directory anew."""
        self._manager.reload()

    def tree(self, step: int) -> Any:
        """A stored state's structure: Orbax metadata with the shape and dtype of each array."""
        return self._manager.item_metadata(step)["state"].tree

    def read(self, step: int, wanted: Any) -> tuple[Any, dict]:
        """(state, position) of a step; `wanted` are ShapeDtypeStructs of its arrays."""
        position = ocp.args.JsonRestore()
        restored = self._restore(step, state=_as_numpy(wanted), position=position)
        return restored.state, restored.position

    def read_part(self, step: int, wanted: Any) -> Any:
        """Those arrays of a stored state that `wanted` names, the others not loaded."""
        return self._restore(step, state=_as_numpy(wanted, partial_restore=True)).state

    def close(self) -> None:
        """End Orbax's threads."""
        self._manager.close()

    def _metrics_of(self, step):
        # Orbax lists a step while its metrics are still on the way to the disk.
        return self._metrics.get(step) or self._manager.metrics(step)

    def _restore(self, step, **items):
        return self._manager.restore(step, args=ocp.args.Composite(**items))

    def _renaming(self):
        [unfinished] = self._directory.glob(f"{self.writing}{_UNFINISHED}*")
        self._before_rename(unfinished)


def cause(error: Exception) -> str:
    """Why a write failed, in some words."""
    # TensorStore puts the cause last, after nested paths in quotes.
    return (str(error) or repr(error)).splitlines()[0].rsplit('": ', 1)[-1]


def _kept(best, latest):
    # max_to_keep with best_fn would remove the newest step (google/orbax #526).
    policies = (
        checkpoint_managers.LatestN(latest),
        checkpoint_managers.BestN(
            get_metric_fn=_score,
            reverse=True,  # the lowest
            n=best,
            keep_checkpoints_without_metrics=False,  # half-removed by a killed process
        ),
    )
    return checkpoint_managers.AnyPreservationPolicy(list(policies))


def _as_numpy(wanted, **options):
    as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
    return ocp.args.PyTreeRestore(item=wanted, restore_args=as_numpy, **options)


def _score(metrics):
    # Runs of earlier versions kept no score: it was the loss.
    return metrics.get("score", metrics["val_loss"])


def _number(value):
    # Orbax ranks NaN as the best of all, and wants a number for every step.
    return math.inf if value is None or not math.isfinite(value) else float(value)


def _is_not_from_orbax(record):
    return "orbax" not in record.pathname
