"""Damaged checkpoints: noticed by SHA-256 sums, named in errors, set aside.

TensorStore and Orbax notice a missing or shortened file, but read a flipped byte as a value. The
sums are kept inside the directory they describe.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental import multihost_utils

from mmvae.errors import UserError

log = logging.getLogger(__name__)

_SUMS = "sha256.json"
_READ_ERRORS = (OSError, ValueError, KeyError)


class DamagedCheckpoint(UserError):
    """A stored checkpoint cannot be read or differs from its checksums."""


@contextlib.contextmanager
def named(directory: Path) -> Iterator[None]:
    """Turn the errors of reading `directory` into one that names it.

    Raises:
        DamagedCheckpoint: it could not be read.
    """
    try:
        yield
    except _READ_ERRORS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        raise DamagedCheckpoint(f"checkpoint {directory} is damaged ({reason})") from error


def write_sums(directory: Path) -> None:
    """Store {file: sum} of all files in the subdirectories of `directory`."""
    files = sorted(path for path in directory.glob("*/**/*") if path.is_file())
    sums = {path.relative_to(directory).as_posix(): _sha256(path) for path in files}
    (directory / _SUMS).write_text(json.dumps(sums, indent=1))


def check_sums(directory: Path) -> None:
    """Compare the files of `directory` with their sums.

    Raises:
        DamagedCheckpoint: a file is missing or differs.
    """
    with named(directory):
        for name, stored in json.loads((directory / _SUMS).read_text()).items():
            if _sha256(directory / name) != stored:
                raise ValueError(f"{name} differs from its checksum")


def set_aside(directories: list[Path]) -> None:
    """Rename each to `<name>.corrupt`, so that training can write these steps again.

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


def check_val_losses(directory: Path, read_only: bool) -> None:
    """Set aside the steps whose val_loss or score Orbax, which reads them all, would not read.

    None at all is no obstacle: a kill during the removal of an old step leaves that.

    Raises:
        DamagedCheckpoint: there is one, and `read_only` forbids to rename it.
    """
    damaged = []
    for path in directory.glob("*"):
        try:
            if path.name.isdigit():
                _check_val_loss(path)
        except DamagedCheckpoint as error:
            if read_only:
                raise
            log.warning("%s", error)
            damaged.append(path)
    set_aside(damaged)


def _check_val_loss(directory):
    with named(directory), contextlib.suppress(FileNotFoundError):
        metrics = json.loads((directory / "metrics" / "metrics").read_text())
        float(metrics["val_loss"]), float(metrics.get("score", 0))


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
