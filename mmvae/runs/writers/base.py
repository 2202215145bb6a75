"""The protocol that every writer follows."""


class Writer:
    """Where a run's results go. Every method does nothing: a writer overrides what it keeps.

    Names carry their group: "train/loss_total", "val/image_mse", "system/cpu_percent".
    `keep_on_failure` says what `Writers` does after an exception: try again next time (a disk
    may have room again) or switch the writer off (a broken service stays broken).
    """

    keep_on_failure = False

    def scalars(self, step, values):
        """One row of numbers, {name: float}; an `epoch` may be among them."""

    def histograms(self, step, values):
        """Distributions, {name: array of any shape}."""

    def images(self, step, pictures):
        """Pictures, {name: uint8 [H, W, C]}, one tiled grid per name."""

    def table(self, step, name, columns, rows):
        """A table: `columns` are names, `rows` lists of str, numbers or uint8 [H, W, C]."""

    def summary(self, values):
        """Values that describe the whole run, such as its best scores; later ones replace."""

    def close(self):
        """Finish; nothing is written afterwards."""
