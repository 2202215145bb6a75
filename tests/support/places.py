"""Folders that tests read: the repository, and data that is not part of it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = "MMVAE_SHARED"  # the environment variable that names the folder of shared data
ABSENT = f"{SHARED} names no folder of shared data"


def shared(*parts: str) -> Path:
    """A file or folder of the shared data; skips the test where there is none."""
    folder = os.environ.get(SHARED)
    if not folder:
        pytest.skip(ABSENT)
    path = Path(folder, *parts)
    if not path.exists():
        pytest.skip(f"{path} is absent from {SHARED}")
    return path
