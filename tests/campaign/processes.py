"""Commands in a sandbox: their end, their memory, the files that they changed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from support.places import ROOT

_POLL = 0.05  # seconds
_CACHES = ("home/.cache/", "home/.keras/", "home/.config/")  # of libraries
_QUICK = {  # programs run for moments here: to compile them fast matters more
    "XLA_FLAGS": "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_LONGEST = 900  # seconds; a command that takes longer hangs


@dataclass(frozen=True)
class Done:
    """How a command ended.

    Attributes:
        code: of exit; negative: the signal that ended it.
        output: of both streams.
        seconds: of its life.
        peak: greatest resident memory of all its processes together, MB.
    """

    code: int
    output: str
    seconds: float
    peak: float

    @property
    def wrong(self) -> str:
        """What no command may do: a traceback, a hang or a crash; or ""."""
        if "Traceback (most recent call last)" in self.output:
            return "a traceback: " + self.output.strip().splitlines()[-1][:300]
        if self.code < 0:
            return f"ended by signal {-self.code}"
        return "" if self.code in (0, 2) else f"exit code {self.code}: {self.output[-300:]}"


class Sandbox:
    """A folder that holds all a command may see as home, temporary and working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("home", "tmp", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def work(self) -> Path:
        """The working directory."""
        return self.folder / "work"

    def environment(self) -> dict[str, str]:
        """Environment variables of its commands; libraries' caches stay where they are."""
        places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
        kept = {"JAX_COMPILATION_CACHE_DIR": str(self.folder / "home" / ".cache" / "jax")}
        return kept | os.environ | places | paths | _QUICK

    def run(
        self, module: str, *flags: str, kill_after: float | None = None, alone: bool = False
    ) -> Done:
        """Runs `python -m module flags`; after `kill_after` seconds it is killed with all its
        children, or `alone`."""
        log = self.folder / "log.txt"
        with log.open("wb") as out:
            process = self.start(module, *flags, out=out)
        end = process.kill if alone else lambda: kill(process.pid)
        code, seconds, peak = _watch(process, kill_after or _LONGEST, end)
        return Done(code, log.read_text(encoding="utf-8", errors="replace"), seconds, peak)

    def start(self, module: str, *flags: str, out: object) -> subprocess.Popen:
        """Starts `python -m module flags` in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *flags],
            cwd=self.work,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def files(self, but: Path) -> dict[str, tuple[int, int]]:
        """{path: (size, time of its last change)} of all files here that are not under `but`."""
        every = {}
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            apart = but in path.parents or name == "log.txt" or name.startswith(_CACHES)
            if path.is_file() and not apart:
                status = path.lstat()
                every[name] = (status.st_size, status.st_mtime_ns)
        return every

    def remove(self) -> None:
        """Deletes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _watch(process, most, end):
    """(exit code, seconds, peak MB) of a process that `end()` ends after `most` seconds."""
    began, peak = time.monotonic(), 0.0
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        if time.monotonic() - began > most:
            end()
            process.wait()
        time.sleep(_POLL)
    return process.returncode, time.monotonic() - began, peak


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory(pid: int) -> float:
    """Resident memory of a process and its children, MB."""
    total = 0
    for process in family(pid):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def kill(pid: int) -> None:
    """`kill -9` for a process and all that it started, as when a machine loses power."""
    for process in family(pid):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
