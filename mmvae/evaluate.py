"""Measure a finished run: `python -m mmvae.evaluate --workdir RUN --split val --out FILE.json`.

Prints a table beside trivial baselines, and writes JSON with every number, its 95 % bootstrap
interval and its count. docs/evaluation.md says what each number means and how it can mislead.
"""

import sys
from pathlib import Path

from mmvae import command_line
from mmvae.data.directory import TOKENIZER
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.evaluate --workdir runs/quickstart --split test --out evaluation.json
  python -m mmvae.evaluate --workdir runs/a --out a.json --against runs/b other.json
  python -m mmvae.evaluate --workdir runs/a --out a.json --metrics captions,alignment --num 5000
  python -m mmvae.evaluate --workdir runs/a --out a.json --num 2500 --draws 256 --seeds 5
"""


def main(argv):
    """Evaluate a run's checkpoint on a split; print tables, write JSON and a picture."""
    options = _parser().parse_args(argv)
    out = Path(options.out)
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    if out.is_dir():
        raise UserError(f"--out {out} is a folder; name a file in it: {out / 'evaluation.json'}")
    for name in ("num", "draws", "seeds"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name}={getattr(options, name)} must be at least 1.")
    if options.seed < 0:
        raise UserError(f"--seed={options.seed} must be at least 0.")
    from mmvae.evaluation import outcome

    # Read first: a file that is none must not cost an evaluation.
    stored = {path: outcome.read(Path(path)) for path in options.against if not _is_run(path)}
    result, job = evaluate(options.workdir, options)
    others = []
    for other in options.against:
        theirs, model = stored.get(other) or _measured(other, options, result["data"])
        apart = outcome.differences(job.model, model)
        others.append((theirs, {name: one.record() for name, one in apart.items()}))
        result["notes"] += outcome.unlike(result, theirs)
    lines = [*outcome.table(result)]
    if others:
        lines += outcome.comparison(result, others)
    names = zip(options.against, others, strict=True)
    result["against"] = {other: values for other, (_, values) in names}
    for name, picture in job.pictures.items():
        picture.save(out.with_name(f"{out.stem}_{name}.png"))
    out.write_text(outcome.text(result, job.model), encoding="utf-8")
    print("\n".join(lines))
    return 0


def evaluate(run, options, directory=None):
    """(result for JSON, the finished `suite.Job`) of a run, as the flags `options` say.

    Raises:
        UserError: no such run, checkpoint, data set, split, family or network.
    """
    from mmvae.data import batches, records
    from mmvae.evaluation import suite
    from mmvae.inference.session import Session

    settings = suite.Settings(
        num=options.num,
        draws=options.draws,
        seeds=options.seeds,
        seed=options.seed,
        features=options.features,
        families=tuple(options.metrics.split(",")) if options.metrics else tuple(suite.FAMILIES),
    )
    suite.check(settings.families, "--metrics", settings.features)
    batches.hide_accelerators()
    session = Session.load(run, options.checkpoint)
    own = session.config.data.dir
    directory = directory or options.data or own
    _check_fits(session, run, directory, records.image_shape(directory))
    # What the model may have copied is what it was trained on, wherever it is measured.
    trained_on = own if Path(own).is_dir() else directory
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
        "split_pairs": len(test),
        "seed": settings.seed,
        "model": {name: estimate.record() for name, estimate in job.model.items()},
        "baselines": {
            name: {metric: estimate.record() for metric, estimate in values.items()}
            for name, values in job.baselines.items()
        },
        "families": job.families,
        "details": job.details,
        "notes": job.notes,
    }
    return result, job


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


def _parser():
    parser = command_line.Parser(
        prog="python -m mmvae.evaluate", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--split", default="val", help="train, val or test (default: val)")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--data", help="a prepared data set other than the run's own")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="RUN|FILE",
        help="other runs, or JSON files of this command: a table of differences with intervals",
    )
    parser.add_argument(
        "--metrics", default="", metavar="A,B", help="families to measure (default: all)"
    )
    parser.add_argument(
        "--num", type=int, default=500, help="pairs of the split, and pairs to generate"
    )
    parser.add_argument("--draws", type=int, default=8, help="K of the IWAE bounds")
    parser.add_argument("--seeds", type=int, default=1, help="of the sprites' coherence")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument(
        "--features", default="", help="network of KID and the like, e.g. efficientnet_lite0"
    )
    return parser


def _is_run(path):
    return Path(path).is_dir()


def _measured(run, options, directory):
    """(result, {name: Estimate}) of another run, measured alike."""
    result, job = evaluate(run, options, directory)
    return result, job.model


def _progress(families):
    from tqdm import tqdm

    bar = tqdm(families, unit="family", file=sys.stderr)
    for family in bar:
        bar.set_description(f"measuring {family}")
        yield family


if __name__ == "__main__":
    sys.exit(command_line.run(main))
