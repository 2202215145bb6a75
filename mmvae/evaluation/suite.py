"""All families over one model: what `evaluate` runs, and training may."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from mmvae.data.records import Records
from mmvae.errors import UserError, did_you_mean
from mmvae.evaluation import split
from mmvae.evaluation.families import (
    alignment,
    baselines,
    captions,
    coherence,
    images,
    likelihood,
    losses,
    memorisation,
    reconstruction,
)
from mmvae.evaluation.formats import Format
from mmvae.evaluation.job import TRAIN_MOST, Job, Settings
from mmvae.inference.latents import FLOW_STEPS, GUIDANCE
from mmvae.inference.samplers import DEFAULT
from mmvae.inference.session import Session

# How pictures and pairs are sampled: what `generate` does unless told otherwise.
_SAMPLED = {"sampler": DEFAULT, "guidance": GUIDANCE, "flow_steps": FLOW_STEPS}


def evaluate(
    session: Session,
    records: Records,
    train_records: Records,
    settings: Settings,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> Job:
    """The Job, done, of a model on a split's records.

    `progress` wraps the names of families as they are measured, such as a progress bar.

    Raises:
        UserError: an unknown family or network, or a split without captions.
    """
    check(settings.families, "--metrics")
    test = split.load(records, session, settings.num)
    job = Job(session, records, train_records, test, settings)
    if lacking := len(records) - len(records.pairs):
        job.notes.append(
            f"{lacking:,} of {len(records):,} rows lack a picture or a caption: they count in the "
            f"losses of what they have; all else is over pairs."
        )
    seconds = job.details["seconds"] = {}
    for family in progress([name for name in FAMILIES if name in settings.families]):
        start = time.perf_counter()
        values = FAMILIES[family].evaluate(job)
        job.model |= values
        if values:
            job.families[family] = list(values)
        seconds[family] = round(time.perf_counter() - start, 1)
    job.details["settings"] = asdict(settings) | _SAMPLED | {"train_pairs_at_most": TRAIN_MOST}
    return job


def check(families: Iterable[str], flag: str) -> None:
    """Refuse a family that there is not.

    Raises:
        UserError: a name, given by `flag`, is not one of `FAMILIES`.
    """
    for name in families:
        if name not in FAMILIES:
            hint = did_you_mean(name, FAMILIES)
            raise UserError(f"{flag} {name} is not one of: {', '.join(FAMILIES)}{hint}")


def formats() -> dict[str, Format]:
    """{pattern of metrics' names: Format} of all families; the first that fits counts."""
    return {
        pattern: form for family in FAMILIES.values() for pattern, form in family.FORMATS.items()
    }


FAMILIES = {
    "losses": losses,
    "likelihood": likelihood,
    "reconstruction": reconstruction,
    "captions": captions,
    "images": images,
    "alignment": alignment,
    "coherence": coherence,
    "memorisation": memorisation,
    "baselines": baselines,
}
