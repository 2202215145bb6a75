"""Work beside the main thread, such as compilation: it must hold up neither the rest nor a stop."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

_LOOK = 0.05  # seconds between two looks at whether to stop
_threads = []


class Interrupted(Exception):
    """A stop was asked for while something was waited for."""


class Background:
    """A call in a thread of its own, which ends with the process."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._call, self._over = (function, args), threading.Event()
        self._value = self._error = None
        # Not `concurrent.futures`: the end of the process would wait for its threads.
        thread = threading.Thread(target=self._work, daemon=True)
        _threads.append(thread)
        thread.start()

    @property
    def over(self) -> bool:
        """Whether the call has ended, well or not."""
        return self._over.is_set()

    def result(self, stopped: Callable[[], bool] = lambda: False) -> Any:
        """What the call returns, or raises, once it is over.

        Raises:
            Interrupted: `stopped()` came true first.
        """
        while not self._over.wait(_LOOK):
            if stopped():
                raise Interrupted
        if self._error is not None:
            raise self._error
        return self._value

    def _work(self):
        function, args = self._call
        try:
            self._value = function(*args)
        except BaseException as error:  # told where the result is asked for
            self._error = error
        self._call = None
        self._over.set()


def working() -> bool:
    """Whether a call is under way."""
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    return bool(_threads)


def leave(code: int) -> int:
    """`code`; the process ends with it here if a call is under way.

    Nothing can stop a compilation, and an interpreter that ends around one crashes.
    """
    if working():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
