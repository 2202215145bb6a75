"""A run measured from its directory, alone or against others, and written down."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmvae.data import batches, records
from mmvae.data.directory import INFO, TOKENIZER
from mmvae.errors import UserError
from mmvae.evaluation import features, outcome, suite
from mmvae.evaluation.job import Job, Settings
from mmvae.files import whole, write_whole
from mmvae.inference.session import Session


def measure(options: Namespace) -> list[str]:
    """Tables, in lines, of what the flags of `mmvae.evaluate` ask for.

    Writes `options.out` (JSON), and the pictures to look at beside it.

    Raises:
        UserError: no such run, checkpoint, data set, split, family, network or evaluation.
    """
    # Read first: a file that is none must not cost an evaluation.
    stored = {o: outcome.read(Path(o)) for o in options.against if not Path(o).is_dir()}
    result, job = measure_run(options.workdir, options)
    others = []
    for other in options.against:
        theirs, model = stored.get(other) or _of_run(other, options, result["data"])
        apart = outcome.differences(job.model, model)
        others.append((theirs, {name: one.record() for name, one in apart.items()}))
        result["notes"] += outcome.unlike(result, theirs)
    lines = [*outcome.table(result)]
    if others:
        lines += outcome.comparison(result, others)
    names = zip(options.against, others, strict=True)
    result["against"] = {other: values for other, (_, values) in names}
    out = Path(options.out)
    for name, picture in job.pictures.items():
        with whole(out.with_name(f"{out.stem}_{name}.png")) as partial:
            picture.save(partial, "PNG")
    write_whole(out, outcome.text(result, job.model).encode())
    return lines


def measure_run(
    run: str | Path, options: Namespace, directory: str | Path | None = None
) -> tuple[dict[str, Any], Job]:
    """(result for JSON, the finished Job) of a run; `directory` is a data set to prefer.

    Raises:
        UserError: no such run, checkpoint, data set, split, family or network.
    """
    settings = _settings(options)
    batches.hide_accelerators()
    session = Session.load(run, options.checkpoint)
    own = session.config.data.dir
    directory = directory or options.data or _there(own, run)
    _check_fits(session, run, directory, records.image_shape(directory))
    # What the model may have copied is what it was trained on, wherever it is measured.
    trained_on = own if (Path(own) / INFO).exists() else directory
    test, train = records.read(directory, options.split), records.read(trained_on, "train")
    job = suite.evaluate(session, test, train, settings, _progress)
    if trained_on != own:
        job.notes.append(f"{own} is gone: training pairs are those of {directory}.")
    result = {
        "run": str(run),
        "data": str(directory),
        "split": options.split,
        "checkpoint": options.checkpoint,
        "step": session.step,
        "pairs": len(job.test),
        "split_pairs": len(test.pairs),
        "seed": settings.seed,
        "model": _records(job.model),
        "baselines": {name: _records(values) for name, values in job.baselines.items()},
        "families": job.families,
        "details": job.details,
        "notes": job.notes,
    }
    return result, job


def _there(own, run):
    """The run's own data set, where it still lies there."""
    if not (Path(own) / INFO).exists():
        raise UserError(
            f"{run} was trained on {own}, and no data set is there; type --data DATASET, where it "
            f"lies now."
        )
    return own


def _settings(options):
    """Settings of flags, their names checked before anything is loaded."""
    settings = Settings(
        num=options.num,
        draws=options.draws,
        seeds=options.seeds,
        seed=options.seed,
        features=options.features,
        families=tuple(options.metrics.split(",")) if options.metrics else tuple(suite.FAMILIES),
    )
    suite.check(settings.families, "--metrics")
    if settings.features:
        features.check(settings.features)
        if "images" in settings.families:
            features.network(settings.features)  # what it lacks is better said before than after
    return settings


def _records(values):
    return {name: estimate.record() for name, estimate in values.items()}


def _of_run(run, options, directory):
    """(result, {name: Estimate}) of another run, measured alike."""
    result, job = measure_run(run, options, directory)
    return result, job.model


def _check_fits(session, run, directory, shape):
    """UserError if a data set was prepared for another size of pictures or another vocabulary."""
    wanted = session.modalities["image"].shape
    if tuple(shape) != wanted:
        raise UserError(
            f"{directory} has pictures of {'x'.join(map(str, shape))}, {run} takes "
            f"{'x'.join(map(str, wanted))}: prepare it with "
            f"--image-size {wanted[0]} --channels {wanted[2]}."
        )
    ours, theirs = (Path(where) / TOKENIZER for where in (run, directory))
    if ours.read_bytes() != theirs.read_bytes():
        raise UserError(
            f"{directory} was prepared with another vocabulary than {run}: prepare it with "
            f"--tokenizer {ours}."
        )


def _progress(families):
    bar = tqdm(families, unit="family", file=sys.stderr)
    for family in bar:
        bar.set_description(f"measuring {family}")
        yield family
