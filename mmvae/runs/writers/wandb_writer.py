"""Weights & Biases: online when logged in, otherwise an offline run that can be synced later."""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmvae.files import write_whole
from mmvae.runs.directory import WANDB, WANDB_ID
from mmvae.runs.writers.base import Pictures, Vectors, Writer

MODES = ("auto", "online", "offline", "disabled")
_INIT_SECONDS = 60
_FINISH_SECONDS = 300


class WandbWriter(Writer):
    """Logs to an open W&B `run`, every chart against `step`."""

    def __init__(self, run: Any) -> None:
        # `wandb.log(step=)` drops rows that go back, as a resumed run does; an axis keeps them.
        self._run = run
        run.define_metric("step")
        run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """A row of numbers."""
        self._run.log({"step": int(step)} | values)

    def histograms(self, step: int, values: Vectors) -> None:
        """Histograms of what is finite."""
        import wandb

        finite = {name: _finite(array) for name, array in values.items()}
        panels = {name: wandb.Histogram(array) for name, array in finite.items() if array.size}
        self._run.log({"step": int(step)} | panels)

    def images(self, step: int, pictures: Pictures) -> None:
        """Pictures, as panels."""
        panels = {name: _cell(pixels) for name, pixels in pictures.items()}
        self._run.log({"step": int(step)} | panels)

    def table(
        self, step: int, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """A table; arrays in it become pictures."""
        import wandb

        cells = [[_cell(value) for value in row] for row in rows]
        panel = wandb.Table(columns=list(columns), data=cells)
        self._run.log({"step": int(step), name: panel})

    def summary(self, values: Mapping[str, Any]) -> None:
        """What the site shows of the whole run."""
        self._run.summary.update(values)

    def close(self) -> None:
        """Finish the run, and wait until it is on disk."""
        import wandb

        self._run.finish()
        wandb.teardown()  # `finish` can return before the last rows of an offline run are on disk


def start_wandb(
    workdir: str | Path,
    project: str,
    name: str,
    mode: str,
    config: dict[str, Any],
    resume_step: int | None,
    report: Callable[[str], None],
) -> Writer:
    """A WandbWriter, or a Writer that does nothing when W&B is disabled or does not start.

    Never asks a question and never raises for W&B's own troubles.

    Args:
        workdir: the run directory; files go to its `wandb/`, the run id to `wandb_run_id`.
        mode: "auto" (WANDB_MODE, else online when logged in, else offline), "online"
            (offline when not logged in), "offline", or "disabled" (wandb is not imported).
        config: the settings of the run, a dict; everything in it can be read on the site.
        resume_step: not None continues the run whose id is stored, None starts a new one.
        report: called with one line that says where the run is, or what failed.

    Raises:
        ValueError: unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"W&B mode '{mode}' is unknown; choose one of: {', '.join(MODES)}")
    wanted = os.environ.get("WANDB_MODE", "auto") if mode == "auto" else mode
    if wanted == "disabled":
        return Writer()
    try:
        run = _init(workdir, project, name, _resolve(wanted), config, resume_step)
        writer = WandbWriter(run)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        report(f"W&B did not start ({reason}); training goes on without it.")
        return Writer()
    report(_where(run, wanted))
    return writer


def _resolve(wanted):
    """ "online" or "offline". Logging in comes first: `init` would ask, and wait for an answer."""
    if wanted not in ("auto", "online"):
        return "offline"
    import wandb

    try:
        return "online" if wandb.login(prompt=False) else "offline"
    except Exception:
        return "offline"


def _init(workdir, project, name, mode, config, resume_step):
    import wandb

    # The pictures of tables are staged here until they are synced; the default is the home.
    os.environ.setdefault("WANDB_DATA_DIR", str(Path(workdir).resolve() / WANDB))
    settings = wandb.Settings(
        init_timeout=_INIT_SECONDS,
        finish_timeout=_FINISH_SECONDS,
        silent=True,  # `report` says what matters; more would break the progress line
        # Command line, code, git state and terminal output can hold secrets: none is kept.
        console="off",
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        x_disable_meta=True,
        x_save_requirements=False,
    )
    return wandb.init(
        dir=str(workdir),
        project=project,
        name=name,
        id=_run_id(workdir, resume_step),
        resume="allow",
        mode=mode,
        config=config,
        allow_val_change=True,  # a run that goes on for more epochs, say
        settings=settings,
    )


def _run_id(workdir, resume_step):
    """The stored id of the run that resumes, or a new one, stored for the next time."""
    path = Path(workdir) / WANDB_ID
    if resume_step is not None and path.exists():
        return path.read_text().strip()
    run_id = secrets.token_hex(4)
    write_whole(path, f"{run_id}\n".encode())
    return run_id


def _where(run, wanted):
    if not run.offline:
        return f"W&B: {run.url}"
    folder = Path(run.dir).parent
    reason = "not logged in (wandb login) or no network, " if wanted == "online" else ""
    return f"W&B: {reason}offline run in {folder}; upload it with: wandb sync {folder}"


def _finite(array):
    array = np.asarray(array, np.float64).ravel()
    return array[np.isfinite(array)]


def _cell(value):
    import wandb

    return wandb.Image(value) if isinstance(value, np.ndarray) else value
