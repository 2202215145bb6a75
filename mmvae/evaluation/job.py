"""What the families of metrics work on, and what they have measured so far."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from mmvae.evaluation.answers import ModelAnswers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.split import Split, load
from mmvae.inference.session import Session

if TYPE_CHECKING:
    from mmvae.data.records import Records  # it loads TensorFlow

TRAIN_MOST = 20_000  # training pairs that memorisation and baselines look at


@dataclass(frozen=True)
class Settings:
    """What to measure, and on how much.

    Attributes:
        num: pairs of the split, and pairs to generate.
        draws: K of the importance-weighted bounds.
        seeds: of the sprites' coherence.
        seed: of generated pairs, draws and resampling.
        features: a name of `features.NETWORKS`, or "" for the one that comes with its weights,
            if it is installed.
        families: names of `suite.FAMILIES`.
    """

    num: int = 500
    draws: int = 8
    seeds: int = 1
    seed: int = 0
    features: str = ""
    families: tuple[str, ...] = ()


@dataclass
class Job:
    """One model under measurement.

    Attributes:
        session: the model.
        records: the whole split.
        train_records: the whole training split.
        test: the pairs of the split that are measured.
        settings: what to measure.
        model: {metric: Estimate} of the model.
        families: {family: names of its metrics}.
        baselines: {baseline: {metric: Estimate}}.
        details: what else belongs in a report of the measurement, as JSON takes it.
        notes: sentences for the reader, such as what was left out.
        pictures: {name: picture} to look at.
    """

    session: Session
    records: "Records"
    train_records: "Records"
    test: Split
    settings: Settings
    model: dict[str, Estimate] = field(default_factory=dict)
    families: dict[str, list[str]] = field(default_factory=dict)
    baselines: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Image.Image] = field(default_factory=dict)

    @cached_property
    def train(self) -> Split:
        """Training pairs, decoded when a family first looks at them."""
        return load(self.train_records, self.session, TRAIN_MOST)

    @cached_property
    def answers(self) -> ModelAnswers:
        """What the model answers."""
        return ModelAnswers(self.session, self.test, self.settings.seed, self.settings.num)

    @property
    def resampling(self) -> Resampling:
        """The bootstrap of every metric."""
        return Resampling(self.settings.seed)

    def beside(self, baseline: str, values: dict[str, Estimate]) -> None:
        """Put values of a baseline beside the model's."""
        self.baselines.setdefault(baseline, {}).update(values)
