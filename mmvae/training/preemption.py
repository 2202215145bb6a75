"""Stop requests: SIGTERM (a preempted machine) and Ctrl-C end training after the current step, or
at once while it waits for something to be compiled."""

import os
import signal
from typing import Self

import jax
from jax.experimental import multihost_utils


class StopRequest:
    """Context manager that turns the first SIGTERM or Ctrl-C into a stop after the current step.

    The second signal ends the process at once, even inside compiled code. Enter it in the main
    thread, after `jax.distributed.initialize` where there are several processes.

        with StopRequest() as stop:
            for step in ...:
                ...
                if stop.should_stop(step):
                    break
        sys.exit(stop.exit_code)
    """

    def __init__(self) -> None:
        self._signum = None
        self._stopping = False
        self._old_handlers = {}

    def __enter__(self) -> Self:
        self._several = jax.process_count() > 1
        # jax.distributed listens for SIGTERM in C++; a Python handler would take it away.
        signums = (signal.SIGINT,) if self._several else (signal.SIGINT, signal.SIGTERM)
        self._old_handlers = {s: signal.signal(s, self._on_signal) for s in signums}
        return self

    def __exit__(self, *exc_info: object) -> None:
        for signum, handler in self._old_handlers.items():
            signal.signal(signum, handler)

    def should_stop(self, step: int) -> bool:
        """Whether to save and stop after `step`.

        With several processes, each must ask after every step: they agree on one step, the
        first that none of them has passed.
        """
        if self._several:
            self._stopping |= multihost_utils.reached_preemption_sync_point(step)
        else:
            self._stopping = self._signum is not None
        return self._stopping

    def asked(self) -> bool:
        """Whether to give up what is waited for, such as a compilation.

        Never among several processes: they stop together, after a step.
        """
        self._stopping |= self._signum is not None and not self._several
        return self._stopping

    @property
    def exit_code(self) -> int:
        """128 + the signal after a stop (143 if another process received it), otherwise 0."""
        return 128 + (self._signum or signal.SIGTERM) if self._stopping else 0

    def _on_signal(self, signum, frame):
        self._signum = signum
        # Python runs handlers between bytecodes only, which a long computation holds up.
        for ours in self._old_handlers:
            signal.signal(ours, signal.SIG_DFL)
        # os.write: print is not re-entrant, and the signal may have interrupted one.
        name = signal.Signals(signum).name
        os.write(2, f"\n{name}: finishing the step, saving; press again to quit now\n".encode())
        if self._several:
            os.kill(os.getpid(), signal.SIGTERM)  # the notice that all processes share
