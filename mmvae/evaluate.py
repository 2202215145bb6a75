"""Measure a finished run: `python -m mmvae.evaluate --workdir RUN --split val --out FILE.json`."""

import json
import sys
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_EXAMPLES = """examples:
  python -m mmvae.evaluate --workdir runs/quickstart --split test --out evaluation.json
  python -m mmvae.evaluate --workdir runs/quickstart --checkpoint latest --out latest.json
"""
_ROWS = (
    ("image MSE, pixels in [-1, 1]", "image_mse", ".4f"),
    ("image PSNR, dB", "image_psnr", ".2f"),
    ("caption accuracy per token", "caption_accuracy", ".3f"),
    ("  given the picture alone", "caption_accuracy_from_image", ".3f"),
    ("caption perplexity per token", "caption_perplexity", ".2f"),
    ("caption z gap, nats per token", "caption_z_gap", ".3f"),
    ("KL, nats", "latent_kl", ".1f"),
    ("active units", "latent_active_units", ".0f"),
    ("coherence image to caption", "coherence_image_to_caption", ".1%"),
    ("coherence caption to image", "coherence_caption_to_image", ".1%"),
    ("coherence of generated pairs", "coherence_joint", ".1%"),
)


def main(argv):
    """Evaluate a run's checkpoint on a split; print a table and write JSON."""
    parser = command_line.Parser(
        prog="python -m mmvae.evaluate", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--split", default="val", help="train, val or test (default: val)")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--data", help="a prepared data set other than the run's own")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    options = parser.parse_args(argv)
    out = Path(options.out)
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    result = evaluate(options.workdir, options.split, options.checkpoint, options.data)
    out.write_text(json.dumps(result, indent=2))
    print("\n".join(table(result)))
    return 0


def evaluate(run, split, which, directory=None):
    """{"run", "split", "checkpoint", "pairs", "model": {...}, "baselines": {name: {...}}}.

    Raises:
        UserError: no such run, checkpoint, data set or split.
    """
    from mmvae import data, parallel, records, steps
    from mmvae.evaluators import baselines, coherence, validation
    from mmvae.inference import Session

    data.hide_accelerators()
    session = Session.load(run, which)
    config = session.config
    directory = directory or config.data.dir
    test, train = records.read(directory, split), records.read(directory, "train")
    step = parallel.parallel(steps.eval_step(session.model, config))
    measured = validation.evaluate(step, parallel.place(session.params), test, config)
    values = {name: value for name, value in measured.items() if isinstance(value, float)}
    if coherence.applies(test):
        values |= coherence.evaluate(session, test)
    return {
        "run": str(run),
        "data": str(directory),
        "split": split,
        "checkpoint": which,
        "pairs": len(test),
        "seed": config.seed,
        "model": values,
        "baselines": {
            name: measure(train, test, session) for name, measure in baselines.BASELINES.items()
        },
    }


def table(result):
    """Lines of the terminal's table: the model beside the baselines."""
    names = ["model", *result["baselines"]]
    columns = [result["model"], *result["baselines"].values()]
    yield f"{result['run']}, {result['split']} split, {result['pairs']:,} pairs"
    yield f"{'':<32}" + "".join(f"{name:>14}" for name in names)
    for label, name, form in _ROWS:
        if name in result["model"]:
            cells = [format(c[name], form) if name in c else "" for c in columns]
            yield f"{label:<32}" + "".join(f"{cell:>14}" for cell in cells)


if __name__ == "__main__":
    sys.exit(command_line.run(main))
