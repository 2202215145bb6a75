"""Commands of `mmvae` one after the other in one process, which starts and compiles only once.

    python -m campaign.doors < calls.jsonl > ends.jsonl

A line in is [door, [flags]]; a line out is its end. `Doors` is the other side.
"""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from campaign.processes import Sandbox, memory


@dataclass(frozen=True)
class End:
    """How a command ended: exit code (-1: it took the process with it), what it said, where an
    exception that is none of ours came from."""

    code: int
    said: str
    raised: str

    @property
    def wrong(self) -> str:
        """What no command may do, or ""."""
        if self.raised:
            return f"a traceback: {self.raised}"
        return "" if self.code in (0, 2) else f"exit code {self.code}: {self.said[-300:]}"


class Doors:
    """A process that runs commands; another one takes over where it dies."""

    def __init__(self, box: Sandbox) -> None:
        self._box, self._process, self.peak = box, None, 0.0

    def call(self, door: str, *flags: str) -> End:
        """Runs `python -m mmvae.door flags`, so to speak."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        self._process.stdin.write(json.dumps([door, flags]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        self.peak = max(self.peak, memory(self._process.pid))
        return End(**json.loads(line)) if line else End(-1, "the process died", "")

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.stdin.close()
            self._process.wait(60)

    def _start(self):
        with (self._box.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "campaign.doors"],
                cwd=self._box.work,
                env=self._box.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


def _end(door: str, flags: list[str]) -> End:
    from mmvae import command_line

    module, said, raised = importlib.import_module(f"mmvae.{door}"), io.StringIO(), ""
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = command_line.run(module.main, flags)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            code, raised = 1, f"{error!r:.300} ({Path(place.filename).name}:{place.lineno})"
    return End(code, said.getvalue()[-2000:], raised)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(vars(_end(*json.loads(line)))) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
