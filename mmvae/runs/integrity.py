"""Damaged checkpoints: noticed by SHA-256 sums, named in errors, set aside.

TensorStore and Orbax notice a missing or shortened file, but read a flipped byte as a value. The
sums are kept inside the directory they describe.
"""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

import jax
from jax.experimental import multihost_utils

from mmvae.errors import UserError

_SUMS = "sha256.json"
_READ_ERRORS = (OSError, ValueError, KeyError)


class DamagedCheckpoint(UserError):
    """A stored checkpoint cannot be read or differs from its checksums."""


@contextlib.contextmanager
def named(directory: Path):
    """Turns the errors of reading `directory` into one DamagedCheckpoint that names it."""
    try:
        yield
    except _READ_ERRORS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        raise DamagedCheckpoint(f"checkpoint {directory} is damaged ({reason})") from error


def write_sums(directory: Path):
    """Stores {file: sum} of all files in the subdirectories of `directory`."""
    files = sorted(path for path in directory.glob("*/**/*") if path.is_file())
    sums = {path.relative_to(directory).as_posix(): _sha256(path) for path in files}
    (directory / _SUMS).write_text(json.dumps(sums, indent=1))


def check_sums(directory: Path):
    """DamagedCheckpoint if a file is missing or differs from its sum."""
    with named(directory):
        for name, stored in json.loads((directory / _SUMS).read_text()).items():
            if _sha256(directory / name) != stored:
                raise ValueError(f"{name} differs from its checksum")


def check_val_loss(directory: Path):
    """DamagedCheckpoint if there is a val_loss that Orbax, which reads them all, would not read.

    None at all is no obstacle: a kill during the removal of an old step leaves that.
    """
    with named(directory), contextlib.suppress(FileNotFoundError):
        float(json.loads((directory / "metrics" / "metrics").read_text())["val_loss"])


def set_aside(directories: list[Path]):
    """Renames each to `<name>.corrupt`, so that training can write these steps again.

    With several processes, each of them calls it with the same directories.
    """
    if not directories:
        return
    multihost_utils.sync_global_devices("all processes have read the checkpoints")
    for directory in directories if jax.process_index() == 0 else ():
        corrupt = directory.with_name(f"{directory.name}.corrupt")
        shutil.rmtree(corrupt, ignore_errors=True)
        os.replace(directory, corrupt)
    multihost_utils.sync_global_devices("the damaged checkpoints are renamed")


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
