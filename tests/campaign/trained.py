"""A data set and a finished run of it, for the campaigns that need a model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from campaign.processes import Done, Sandbox
from support.places import ROOT

SPRITES = "--source sprites:1 --num-pairs 96 --image-size 32 --vocab-size 300 --workers 1"
SPRITES += " --val-fraction 0.2 --test-fraction 0.1"
CONFIG = str(ROOT / "tests" / "campaign" / "small.py")


@dataclass
class Trained:
    """Makes both when they are first asked for.

    Attributes:
        folder: that holds all of it.
    """

    folder: Path

    @cached_property
    def box(self) -> Sandbox:
        """Where commands run."""
        return Sandbox(self.folder)

    @cached_property
    def data(self) -> Path:
        """96 sprites."""
        out = self.box.work / "data"
        must(self.box.run("data_prep.prepare", *SPRITES.split(), "--out", str(out)))
        return out

    @cached_property
    def run(self) -> Path:
        """Two epochs."""
        out = self.box.work / "run"
        flags = ("--config", CONFIG, f"--config.data.dir={self.data}", "--config.train.epochs=2")
        must(self.box.run("mmvae.main", *flags, "--workdir", str(out)))
        return out


def must(done: Done) -> Done:
    """The end of a command that nothing disturbed.

    Raises:
        RuntimeError: it failed all the same.
    """
    if done.code:
        raise RuntimeError(f"an undisturbed command failed: {done.output[-2000:]}")
    return done
