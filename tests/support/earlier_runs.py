"""Runs of an earlier version of the code, with the data set that they were trained on.

The archive holds, as that version left them: `dataset/` (80 sprites), `finished/` (a run of 9
steps), `interrupted/` (the same run, stopped at step 5) and `expected.npz` (what the finished
run's Session answered). Pictures that nobody reads back are left out.
"""

import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).with_name("earlier_runs.tar.xz")


def unpack(folder: Path) -> Path:
    """The folder, with the content of the archive in it. Its runs name their data set `dataset`."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder
