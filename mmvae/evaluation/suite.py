"""All families over one model: what `evaluate` runs, and training may."""

import time
from dataclasses import asdict, dataclass, field
from functools import cached_property

import jax

from mmvae.errors import UserError, did_you_mean
from mmvae.evaluation import baselines, features, split
from mmvae.evaluation.answers import Answers
from mmvae.evaluation.estimates import Estimate, Resampling
from mmvae.evaluation.families import (
    alignment,
    captions,
    coherence,
    images,
    likelihood,
    losses,
    memorisation,
    reconstruction,
)
from mmvae.inference.latents import FLOW_STEPS, GUIDANCE
from mmvae.inference.samplers import DEFAULT, SAMPLERS
from mmvae.machine import parallel
from mmvae.objectives import validation

TRAIN_MOST = 20_000  # training pairs that memorisation and baselines look at
# How pictures and pairs are drawn: what `generate` does unless told otherwise.
_DRAWN = {"sampler": DEFAULT, "guidance": GUIDANCE, "flow_steps": FLOW_STEPS}


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
        families: names of `FAMILIES`.
    """

    num: int = 500
    draws: int = 8
    seeds: int = 1
    seed: int = 0
    features: str = ""
    families: tuple = ()


@dataclass
class Job:
    """One model under measurement, and what was found so far."""

    session: object
    records: object
    train_records: object
    test: split.Split
    settings: Settings
    answers: Answers
    resampling: Resampling
    model: dict = field(default_factory=dict)
    families: dict = field(default_factory=dict)
    baselines: dict = field(default_factory=dict)
    details: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    pictures: dict = field(default_factory=dict)

    @cached_property
    def train(self):
        """The Split of training pairs, decoded when a family first looks at them."""
        return split.load(self.train_records, self.session, TRAIN_MOST)

    def beside(self, baseline, values):
        """Put values {name: Estimate} of a baseline beside the model's."""
        self.baselines.setdefault(baseline, {}).update(values)


def evaluate(session, records, train_records, settings, progress=iter):
    """The Job, done, of a Session on a split's records.

    `progress` wraps the families as they are measured, such as a progress bar.

    Raises:
        UserError: an unknown family or network.
    """
    check(settings.families, "--metrics", settings.features)
    if settings.features and "images" in settings.families:
        features.network(settings.features)  # what it lacks is better said before than after
    test = split.load(records, session, settings.num)
    answers = Answers(session, test, settings.seed, settings.num)
    resampling = Resampling(settings.seed)
    job = Job(session, records, train_records, test, settings, answers, resampling)
    seconds = job.details["seconds"] = {}
    for family in progress([name for name in FAMILIES if name in settings.families]):
        start = time.perf_counter()
        values = FAMILIES[family](job)
        job.model |= values
        if values:
            job.families[family] = list(values)
        seconds[family] = round(time.perf_counter() - start, 1)
    job.details["settings"] = asdict(settings) | _DRAWN | {"train_pairs_at_most": TRAIN_MOST}
    return job


def check(families, flag, network=""):
    """UserError for a family (given by `flag`) or a network that there is not."""
    for name in families:
        if name not in FAMILIES:
            hint = did_you_mean(name, FAMILIES)
            raise UserError(f"{flag} {name} is not one of: {', '.join(FAMILIES)}{hint}")
    if network and network not in features.NETWORKS:
        hint = did_you_mean(network, features.NETWORKS)
        raise UserError(f"--features {network} is not one of: {', '.join(features.NETWORKS)}{hint}")


def _losses(job):
    """What training logs as val/..., over the whole split, for the names no other family has."""
    session = job.session
    step = parallel.parallel(validation.eval_step(session.model, session.config))
    params = parallel.place(jax.device_get(session.params))
    found = losses.evaluate(step, params, job.records, session.modalities, session.config)
    kept = {n: v for n, v in found.items() if n.startswith("loss_") or n.endswith("_z_gap")}
    return {name: Estimate(value, len(job.records)) for name, value in kept.items()}


def _likelihood(job):
    values, details = likelihood.evaluate(
        job.session, job.test, job.train, job.resampling, job.settings.draws
    )
    job.details |= details
    return values


def _reconstruction(job):
    values = {}
    for given in ("", "_from_image", "_from_caption"):
        pictures = job.answers.images(given)
        values |= reconstruction.measure(job.test.images, pictures, job.resampling, given)
    return values


def _captions(job):
    values = {}
    for given in ("", "_from_image"):
        written = job.answers.captions(given)
        values |= captions.measure(
            job.test.captions, written, job.train.captions, job.resampling, given
        )
        values |= captions.teacher_forced(*job.answers.teacher_forced(given), job.resampling, given)
    job.details["sacrebleu"] = captions.signatures(job.test.captions, written)
    return values


def _images(job):
    name = job.settings.features
    if not name and not features.has_default():
        job.notes.append(
            f"KID, precision, recall and the like were left out: they need PyTorch; "
            f"type: {features.INSTALL}"
        )
        return {}
    name = name or features.DEFAULT
    copies = baselines.copies(_question(job)).images
    real, made, known = (
        features.extract(name, x) for x in (job.test.images, job.answers.new.images, copies)
    )
    if min(len(real), len(made)) < images.FID_LEAST:
        job.notes.append(
            f"FID was left out: with {min(len(real), len(made)):,} pictures it is mostly bias; "
            f"it needs {images.FID_LEAST:,} (--num) of a split and generated."
        )
    # Training pictures against held-out ones: what perfect samples would reach.
    job.beside("copycat", images.measure(real, known, name, job.resampling))
    return images.measure(real, made, name, job.resampling)


def _alignment(job):
    texts = job.test.captions
    vectors = job.session.project(image=job.test.images), job.session.project(caption=texts)
    job.beside("chance", alignment.chance(texts))
    return alignment.measure(*vectors, texts, job.resampling)


def _coherence(job):
    level = coherence.level(job.test.captions)
    if level is None:
        return {}
    session, resampling, settings = job.session, job.resampling, job.settings
    values = coherence.measure(session, job.test, resampling, settings.seeds)
    for sampler in SAMPLERS:
        try:
            values |= coherence.measure_joint(
                session, level, settings.num, resampling, settings.seeds, sampler
            )
        except UserError as error:  # a sampler that this run has not fitted
            job.notes.append(f"coherence of sampler {sampler} was left out: {error}")
    return values


def _memorisation(job):
    new, train = job.answers.new, job.train
    values, closest = memorisation.measure(new, job.test, train, job.resampling)
    if len(train) < len(job.train_records):
        job.notes.append(
            f"memorisation compared with {len(train):,} of {len(job.train_records):,} training "
            f"pairs: captioned ones, at most {TRAIN_MOST:,}."
        )
    job.details["closest"] = closest
    job.pictures["closest"] = memorisation.picture(closest, new, train)
    return values


def _baselines(job):
    asked = _question(job)
    for name, answer in baselines.BASELINES.items():
        job.beside(name, answer(asked))
    return {}


def _question(job):
    session = job.session
    return baselines.Question(
        job.test,
        job.train,
        session.latent_dim,
        session.modalities["caption"].vocab_size,
        job.settings.num,
        job.resampling,
    )


FAMILIES = {
    "losses": _losses,
    "likelihood": _likelihood,
    "reconstruction": _reconstruction,
    "captions": _captions,
    "images": _images,
    "alignment": _alignment,
    "coherence": _coherence,
    "memorisation": _memorisation,
    "baselines": _baselines,
}
