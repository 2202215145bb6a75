"""Pictures and tables of a run as files that any program opens."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmvae.files import whole
from mmvae.runs.directory import SAMPLES
from mmvae.runs.writers.base import Pictures, Writer


class FileWriter(Writer):
    """Saves `workdir`/samples/NAME_STEP.png and .csv; a "/" in a name becomes "_"."""

    keep_on_failure = True

    def __init__(self, workdir: str | Path) -> None:
        self._folder = Path(workdir) / SAMPLES

    def images(self, step: int, pictures: Pictures) -> None:
        """Each picture as a PNG."""
        for name, pixels in pictures.items():
            # [H, W, 1] is grey, which Pillow wants without its channel axis.
            grey = pixels.shape[-1] == 1
            with whole(self._path(name, step, ".png")) as partial:
                Image.fromarray(pixels[..., 0] if grey else pixels).save(partial, format="PNG")

    def table(
        self, step: int, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """The table as CSV; columns that hold pictures are left out."""
        rows = list(rows)
        is_picture = [
            any(isinstance(row[i], np.ndarray) for row in rows) for i in range(len(columns))
        ]
        kept = [i for i, picture in enumerate(is_picture) if not picture]
        with whole(self._path(name, step, ".csv")) as partial:
            with partial.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([row[i] for i in kept] for row in [columns, *rows])

    def _path(self, name, step, suffix):
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{name.replace('/', '_')}_{step:07d}{suffix}"
