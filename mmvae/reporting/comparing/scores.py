"""What evaluations measured, a row a setting: the mean over seeds and its 95 % interval."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scipy import stats

from mmvae.errors import UserError
from mmvae.files import write_whole
from mmvae.reporting.comparing.comparison import compare
from mmvae.reporting.runs import Run, number
from mmvae.runs.writers.console import duration

BEGIN, END = "<!-- scores -->", "<!-- end of scores -->"  # what is written stands between them


class Score(NamedTuple):
    """A column: a metric of `mmvae.evaluate`, its heading and its form."""

    metric: str
    words: str
    form: str


SCORES = (
    Score("coherence_image_to_caption", "picture to caption", ".1%"),
    Score("coherence_caption_to_image", "caption to picture", ".1%"),
    Score("coherence_joint", "joint, flow", ".1%"),
    Score("coherence_joint_ancestral", "joint, ancestral", ".1%"),
    Score("coherence_joint_prior", "joint, N(0, I)", ".1%"),
    Score("iwae_joint", "log p bound, nats", ".1f"),
    Score("image_mse", "image MSE", ".4f"),
    Score("caption_exact_match", "captions exact", ".1%"),
    Score("latent_kl", "KL, nats", ".1f"),
    Score("latent_active_units", "active units", ".1f"),
)


def write(runs: Sequence[Run], out: str | Path) -> None:
    """Write the table to a .md file; in one that has BEGIN and END, what stands between them.

    Raises:
        UserError: another ending, no folder, a file without these marks, or runs of which none
            was evaluated.
    """
    path = Path(out)
    if path.suffix != ".md" or not path.parent.is_dir():
        raise UserError(f"--scores {out} must be a .md file in a folder that exists.")
    text = f"{BEGIN}\n{table(runs)}{END}\n"
    if path.exists():
        before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(f"{END}\n")
        if not (begin and end):
            raise UserError(
                f"{out} has no lines '{BEGIN}' and '{END}', between which the table would stand; "
                f"add them, or name a new file."
            )
        text = before + text + after
    write_whole(path, text.encode())


def table(runs: Sequence[Run]) -> str:
    """The table in Markdown: settings in the order of the runs, a metric that none has left out.

    Raises:
        UserError: none of the runs was evaluated.
    """
    shown = [score for score in SCORES if any(_value(r, score.metric) is not None for r in runs)]
    if not shown:
        raise UserError(
            f"none of these runs was measured; type for each: python -m mmvae.evaluate "
            f"--workdir {runs[0].path} --split test --out {runs[0].path}/evaluation.json"
        )
    comparison = compare(runs)
    groups = {setting: [] for setting in comparison.settings}
    for run, setting in zip(comparison.runs, comparison.table["setting"], strict=True):
        groups[setting].append(run)
    heads = ["setting", "seeds", *(score.words for score in shown), "training"]
    lines = [heads, ["---"] * len(heads)]
    lines += [[name, str(len(own)), *_cells(own, shown)] for name, own in groups.items()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(runs, shown):
    columns = [([_value(run, score.metric) for run in runs], score.form) for score in shown]
    seconds = sum(run.seconds for run in runs) / len(runs)
    return [*(cell(values, form) for values, form in columns), duration(seconds)]


def cell(values: Sequence[float | None], form: str) -> str:
    """The mean and the half width of Student's 95 % interval; "" where a run lacks the value.

    One value has no interval.
    """
    if None in values:
        return ""
    count, mean = len(values), sum(values) / len(values)
    if count == 1:
        return f"{mean:{form}}"
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    half = stats.t.ppf(0.975, count - 1) * math.sqrt(variance / count)
    return f"{mean:{form}} ± {half:{form}}"


def _value(run, metric):
    """As `mmvae.evaluate` measured it; None where it did not."""
    scores = run.evaluation.get("model")
    return number(scores.get(metric)) if isinstance(scores, dict) else None
