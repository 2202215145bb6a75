"""All commands under one name: `mmvae COMMAND ...`, or `python -m mmvae COMMAND ...`."""

import importlib
import sys
from typing import NoReturn

from mmvae import __version__, command_line
from mmvae.errors import UserError, did_you_mean
from mmvae.machine.background import leave

COMMANDS = {
    "prepare": ("data_prep.prepare", "pictures and captions -> a data set"),
    "train": ("mmvae.main", "a data set and a configuration -> a run"),
    "evaluate": ("mmvae.evaluate", "measure a run, beside baselines"),
    "generate": ("mmvae.generate", "new pairs, captions, pictures"),
    "report": ("mmvae.report", "what happened in one run or several"),
    "sweep": ("mmvae.sweep", "try settings"),
    "demo": ("mmvae.demo", "a run in the browser"),
    "export": ("mmvae.export", "a run as a package that needs no mmvae"),
    "benchmark": ("mmvae.benchmark", "how fast this machine trains"),
}


def main(argv: list[str]) -> int:
    """Hand the rest of the command line to the command; its exit code.

    Raises:
        UserError: no such command, or what the command raises.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print("\n".join(_help()))
        return 0
    if argv[0] == "--version":
        print(__version__)
        return 0
    if argv[0] not in COMMANDS:
        hint = did_you_mean(argv[0], COMMANDS)
        raise UserError(f"unknown command '{argv[0]}'{hint} mmvae --help lists all commands.")
    module, _ = COMMANDS[argv[0]]
    return importlib.import_module(module).main(argv[1:])


def _help():
    yield "usage: mmvae COMMAND ...    (mmvae COMMAND --help tells more)"
    yield ""
    for name, (_, meaning) in COMMANDS.items():
        yield f"  {name:10} {meaning}"


def entry() -> NoReturn:
    """What the installed `mmvae` script calls."""
    sys.exit(leave(command_line.run(main)))


if __name__ == "__main__":
    entry()
