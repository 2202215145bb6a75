"""A run as its directory tells it: configuration, data card, facts, logged numbers."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmvae.errors import UserError
from mmvae.files import read_object
from mmvae.runs import best, directory
from mmvae.runs.writers.jsonl import read_rows

_CLOCK_GAP = 3600  # seconds between two rows that count as an interruption, not as training


class NoMetrics(UserError):
    """The run exists and has logged nothing yet."""


@dataclass(frozen=True)
class Run:
    """A finished or running run.

    Attributes:
        path: its directory.
        config: values by dotted field.
        card: the data set's `card.json`, {} where there is none.
        facts: what was known before the first step (`facts.json`), {} in older runs.
        evaluation: what `mmvae.evaluate` measured (`evaluation.json`), {} where it was not run.
        rows: one row for each logged one, columns as logged ("train/...", "val/...", "system/...").
    """

    path: Path
    config: dict[str, Any]
    card: dict[str, Any]
    facts: dict[str, Any]
    evaluation: dict[str, Any]
    rows: pd.DataFrame

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.resolve().name

    def series(self, name: str) -> pd.Series:
        """Values of a metric by step, missing ones left out; empty where it was never logged."""
        if name not in self.rows:
            return pd.Series(dtype=float)
        values = self.rows.set_index("step")[name].dropna()
        return values[~values.index.duplicated(keep="last")]

    def last(self, name: str) -> float | None:
        """The last finite value of a metric, or None."""
        values = finite(self.series(name))
        return float(values.iloc[-1]) if len(values) else None

    def measured(self, name: str) -> float | None:
        """A validation metric as `mmvae.evaluate` measured it, else as last logged, or None.

        Training samples before the samplers are fitted to the latents at rest, and does worse.
        """
        scores = self.evaluation.get("model")
        value = number(scores.get(name)) if isinstance(scores, dict) else None
        return self.last(f"val/{name}") if value is None else value

    def names(self, group: str) -> list[str]:
        """Names of all metrics of a group ("train", "val", "system"), without the group."""
        prefix = f"{group}/"
        return [column[len(prefix) :] for column in self.rows if column.startswith(prefix)]

    @cached_property
    def loss_weights(self) -> dict[str, float]:
        """Weights of the terms of the loss; {} where the configuration tells none."""
        prefix = "loss.weights."
        return {n[len(prefix) :]: w for n, w in self.config.items() if n.startswith(prefix)}

    @property
    def latent_dim(self) -> int | None:
        """Dimensions of the latent, private codes included; None where nothing tells them."""
        return self.facts.get("latent_dim") or self.config.get("model.latent.dim")

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """Names of the run's modalities; () where the configuration tells none."""
        prefix = "model.modalities."
        names = [n[len(prefix) :].split(".")[0] for n in self.config if n.startswith(prefix)]
        return tuple(dict.fromkeys(names))

    @cached_property
    def steps_per_epoch(self) -> float | None:
        """Training steps an epoch, or None where no row tells."""
        rows = self.rows[["step", "epoch"]].dropna() if "epoch" in self.rows else []
        return float(rows["step"].iloc[-1] / rows["epoch"].iloc[-1]) if len(rows) else None

    @cached_property
    def total_steps(self) -> int | None:
        """Steps the whole run will have, or None where no row tells."""
        known = self.steps_per_epoch is not None and "train.epochs" in self.config
        return round(self.steps_per_epoch * self.config["train.epochs"]) if known else None

    @property
    def last_step(self) -> int:
        """The step of the last row."""
        return int(self.rows["step"].max())

    @property
    def epochs_done(self) -> float:
        """Epochs trained so far, a float; 0 where no row tells."""
        return self.last_step / self.steps_per_epoch if self.steps_per_epoch else 0.0

    @property
    def finished(self) -> bool:
        """Whether the last epoch was trained and evaluated."""
        evaluated = self.series("val/loss_total")
        return bool(len(evaluated)) and self.total_steps == evaluated.index[-1]

    @cached_property
    def best_step(self) -> int | None:
        """The evaluated step whose checkpoint is the best, by the run's own rule; or None."""
        names = ("loss_total", *self.facts.get("halves", {}))
        known = {name: self.series(f"val/{name}") for name in names}
        known = {name: values for name, values in known.items() if len(values)}
        if "loss_total" not in known:
            return None
        rule = self.config.get("checkpoint.best_by", best.LOSS)
        scores = finite(best.score(rule, known, self.facts.get("halves", {})))
        return int(scores.idxmin()) if len(scores) else None

    @cached_property
    def diverged(self) -> tuple[int, tuple[str, ...]] | None:
        """The first step at which losses or gradients were not finite, and their names."""
        watched = [n for n in self.rows if n.split("/")[-1].startswith(("loss_", "grad_"))]
        infinite = np.isinf(self.rows[watched].astype(float))
        for place, named in enumerate(self.rows["_nan"]):
            bad = [n for n in watched if n in named or infinite[n].iloc[place]]
            if bad:
                return int(self.rows["step"].iloc[place]), tuple(bad)
        return None

    @property
    def seconds(self) -> float:
        """Seconds between the first row and the last, interruptions left out."""
        steps = self.rows["time"].diff() if "time" in self.rows else pd.Series(dtype=float)
        return float(steps[(steps > 0) & (steps < _CLOCK_GAP)].sum())


def finite(values: pd.Series) -> pd.Series:
    """The finite values of a series."""
    return values[np.isfinite(values.astype(float))]


def number(score: Any) -> float | None:
    """The number of a score, which may come with its interval as {"value": ...}; else None."""
    value = score.get("value") if isinstance(score, dict) else score
    return float(value) if isinstance(value, int | float) else None


def load(path: str | Path) -> Run:
    """The run in a directory.

    Raises:
        UserError: no run there, nothing logged yet, or a damaged file (named).
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} does not exist; give the directory of a run: runs/NAME.")
    if not (path / directory.CONFIG).exists():
        raise UserError(
            f"{path} is no run: it has no {directory.CONFIG}; give a run's own directory."
        )
    return Run(
        path=path,
        config=flat(_json(path / directory.CONFIG)),
        card=_json(path / directory.CARD),
        facts=_json(path / directory.FACTS),
        evaluation=_json(path / directory.EVALUATION),
        rows=_rows(path),
    )


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{dotted path: leaf} of nested dicts; lists become tuples."""
    leaves = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            leaves |= flat(value, f"{prefix}{name}.")
        else:
            leaves[prefix + name] = tuple(value) if isinstance(value, list) else value
    return leaves


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; {} where there is no file."""
    return read_object(path, "copy it again from where it ran") if path.exists() else {}


def _rows(run: Path) -> pd.DataFrame:
    path = run / directory.METRICS
    logged = read_rows(path) if path.exists() else []
    if not logged:
        raise NoMetrics(f"{run} has no metrics yet; wait for the first row, or type --watch.")
    frame = pd.DataFrame(logged).sort_values("step", kind="stable", ignore_index=True)
    # A missing value and a logged NaN look alike in a frame: the latter are named here.
    ordered = sorted(logged, key=lambda row: row["step"])
    frame["_nan"] = [
        tuple(name for name, value in row.items() if isinstance(value, float) and value != value)
        for row in ordered
    ]
    return frame
