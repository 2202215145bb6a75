"""Runs trials as processes, some side by side, and tells how they stand."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mmvae.reporting.runs import Run
from mmvae.runs.writers.console import duration
from mmvae.sweeps import tied
from mmvae.sweeps.trials import CRASHED, FINISHED, RUNNING, WAITING, Trial

_POLL = 0.5  # seconds
_REFRESH = 3.0  # seconds between two looks at the runs' logs
_STYLES = {RUNNING: "cyan", FINISHED: "green", CRASHED: "bold red", WAITING: "dim"}


@dataclass
class Runner:
    """Runs trials `parallel` at a time; a crashed one is told of and does not stop the rest.

    Attributes:
        command: the command line of a Trial.
        group: of the runs in W&B.
        states: of every trial seen so far, by its name.
        reasons: the last line of its log, of every crashed trial, by its name.
    """

    command: Callable[[Trial], list[str]]
    group: str
    parallel: int = 1
    console: Console = field(default_factory=lambda: Console(highlight=False))
    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    _trials: list[Trial] = field(default_factory=list)
    _running: dict[str, tuple[Trial, subprocess.Popen]] = field(default_factory=dict)

    def run(self, trials: list[Trial]) -> None:
        """Run all trials that are not finished; returns when none is left."""
        self._trials += trials
        waiting = []
        for trial in trials:
            self.states[trial.name] = FINISHED if trial.finished else WAITING
            if self.states[trial.name] == WAITING:
                waiting.append(trial)
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            if self.console.is_terminal:
                with Live(self.table(), console=self.console, auto_refresh=False) as live:
                    self._work(waiting, lambda: live.update(self.table(), refresh=True))
            else:
                self._work(waiting, lambda: None)
                self.console.print(self.table())
        except KeyboardInterrupt:
            self._stop()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)

    def _work(self, waiting: list[Trial], show: Callable[[], None]) -> None:
        looked = 0.0
        while waiting or self._running:
            while waiting and len(self._running) < self.parallel:
                self._start(waiting.pop(0))
                looked = 0.0
            self._collect()
            if time.monotonic() - looked > _REFRESH:
                show()
                looked = time.monotonic()
            time.sleep(_POLL)
        show()

    def _start(self, trial: Trial) -> None:
        log = self.log(trial)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            # A session of its own: Ctrl-C reaches the run once, through `_stop`.
            process = subprocess.Popen(
                [sys.executable, tied.__file__, str(os.getpid()), *self.command(trial)],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"WANDB_RUN_GROUP": self.group},
                start_new_session=True,
            )
        self._running[trial.name] = (trial, process)
        self._report(trial, RUNNING)

    def _collect(self) -> None:
        for name, (trial, process) in tuple(self._running.items()):
            if process.poll() is None:
                continue
            del self._running[name]
            done = process.returncode == 0 and trial.finished
            if not done:
                self.reasons[name] = last_line(self.log(trial)) or f"exit code {process.returncode}"
            self._report(trial, FINISHED if done else CRASHED)

    def _stop(self) -> None:
        """Ask the running ones to save and stop, and wait for them."""
        for _, process in self._running.values():
            process.terminate()  # not SIGINT, which processes begun in the background ignore
        for _, process in self._running.values():
            process.wait()

    def _report(self, trial: Trial, state: str) -> None:
        self.states[trial.name] = state
        if not self.console.is_terminal:
            why = f": {self.reasons[trial.name]}" if state == CRASHED else ""
            self.console.print(f"{state:<9} {trial.name}{why}", soft_wrap=True)

    def log(self, trial: Trial) -> Path:
        """The file in a trial's directory that its output goes to."""
        return trial.path / "log.txt"

    def table(self) -> Table:
        """How every trial stands: state, epoch, validation loss, time."""
        table = Table(box=None, pad_edge=False)
        for heading in ("trial", "state", "epoch", "val loss", "time"):
            table.add_column(heading, justify="left" if heading in ("trial", "state") else "right")
        for trial in self._trials:
            state = self.states[trial.name]
            run = trial.run() if state != WAITING else None
            table.add_row(trial.name, f"[{_STYLES[state]}]{state}[/]", *_progress(run))
        return table


def last_line(path: Path) -> str:
    """The last line of a log that says something, or ""."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _progress(run: Run | None) -> tuple[str, str, str]:
    if run is None:
        return "", "", ""
    best = run.series("val/loss_total").get(run.best_step)
    loss = "" if best is None else f"{best:.4g}"
    return f"{run.epochs_done:.2f}", loss, duration(run.seconds)


def _interrupt(*_):
    raise KeyboardInterrupt
