"""Run a command that ends with the process which began it, however that one ends.

    python tied.py PID COMMAND ...

A sweep that is killed with SIGKILL cannot stop its training, which would go on unseen and bar the
way of the sweep that is begun again. The kernel can (prctl(2), Linux alone); training bears it.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main(argv: list[str]) -> None:
    """Become the command, tied to the process PID that began this one."""
    parent, *command = argv
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the sweep ended before its run began")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
