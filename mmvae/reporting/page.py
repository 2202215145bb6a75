"""The report of one run: everything on it gathered once, then written as HTML or Markdown."""

from pathlib import Path
from typing import Any, NamedTuple

from mmvae.reporting import curves, document, panels, reproduce, samples
from mmvae.reporting.baselines import baselines
from mmvae.reporting.checklist import checklist
from mmvae.reporting.questions import FIVE, every
from mmvae.reporting.runs import Run, number
from mmvae.runs.writers.console import duration

_TILES = (
    ("validation loss, best checkpoint", "loss_total", ".4g"),
    ("image MSE", "image_mse", ".4f"),
    ("caption accuracy", "caption_accuracy", ".1%"),
    ("caption z gap", "caption_z_gap", "+.3f"),
    ("picture of a caption right", "coherence_caption_to_image", ".1%"),
)
_SAMPLED = "coherence_caption_to_image"  # measured seldom, and best after the samplers are fitted


class Evaluation(NamedTuple):
    """What `mmvae.evaluate` measured, as a table: rows of a metric and its texts."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def write(run: Run, out: str | Path) -> None:
    """Write the report of a run to a .html or .md file.

    Raises:
        UserError: another ending, or a folder that does not exist.
    """
    document.write(out, "run", content(run), _pictures)


def content(run: Run) -> dict[str, Any]:
    """Everything that the templates show."""
    verdicts = every(run)
    return {
        "run": run,
        "state": _state(run),
        "tiles": tiles(run),
        "verdicts": verdicts,
        "five": verdicts[: len(FIVE)],
        "checks": checklist(run),
        "groups": panels.groups(run),
        "grids": samples.grids(run),
        "captions": samples.captions(run),
        "card": _card(run),
        "parameters": _parameters(run),
        "evaluation": _evaluation(run),
        "config": sorted(run.config.items()),
        "commands": reproduce.commands(run),
        "foreign": reproduce.foreign(run),
        "versions": run.facts.get("versions", {}),
        "train_colour": curves.TRAIN,
        "val_colour": curves.VAL,
    }


def tiles(run: Run) -> list[tuple[str, str, str]]:
    """[(label, value, beside it)]: the numbers to read first."""
    trivial = baselines(run)
    rows = []
    for label, name, form in _TILES:
        values = run.series(f"val/{name}")
        value = run.measured(name) if name == _SAMPLED else values.get(run.best_step)
        if value is None:
            continue
        beside = f"trivial {trivial[name].value:{form}}" if name in trivial else ""
        if name == "loss_total" and run.steps_per_epoch:
            beside = f"epoch {run.best_step / run.steps_per_epoch:.3g}, step {run.best_step:,}"
        rows.append((label, f"{value:{form}}", beside))
    return [*rows, ("time", duration(run.seconds), f"{run.last_step:,} steps")]


def _state(run: Run) -> str:
    total = run.config.get("train.epochs")
    if run.diverged:
        return f"diverged at step {run.diverged[0]:,}"
    if run.finished:
        return f"finished, {total} epochs"
    return f"at epoch {run.epochs_done:.3g} of {total}: running, or interrupted"


def _card(run: Run) -> list[tuple[str, str]]:
    card = run.card
    if not card:
        return []
    counts, image, words = (card.get(k, {}) for k in ("counts", "image", "captions"))
    rows = [("name", card.get("name")), ("sources", ", ".join(card.get("sources", [])))]
    rows += [(f"{name} pairs", f"{n:,}") for name, n in counts.get("splits", {}).items()]
    rows += [
        (f"{split}, rows of {kind}", f"{n:,}")
        for split, kinds in counts.get("rows", {}).items()
        for kind, n in kinds.items()
    ]
    rows += [("left out", f"{counts['rejected']:,}")] if "rejected" in counts else []
    rows += [
        (f"left out: {why}", f"{n:,}") for why, n in counts.get("rejected_by_reason", {}).items()
    ]
    if image:
        rows.append(("pictures", "{size} x {size} x {channels}".format(**image)))
    rows += [(name.replace("_", " "), f"{n:,}") for name, n in words.items()]
    if pieces := card.get("vocabulary", {}).get("top_pieces"):
        rows.append(("most frequent pieces", " ".join(pieces[:20]).replace("\u2581", "")))
    return rows


def _parameters(run: Run) -> list[tuple[str, str, str]]:
    """[(part, number, share)] of the parameters, largest first."""
    parts = run.facts.get("parameters", {})
    total = sum(parts.values())
    rows = sorted(parts.items(), key=lambda item: -item[1])
    rows = [(name, f"{n:,}", f"{n / total:.1%}") for name, n in rows if n]
    return [*rows, ("total", f"{total:,}", "")] if rows else []


def _evaluation(run: Run) -> Evaluation | None:
    measured = run.evaluation
    if not isinstance(measured.get("model"), dict):
        return None
    scores = {"model": measured["model"]} | measured.get("baselines", {})
    names = [name for name, score in measured["model"].items() if number(score) is not None]
    rows = [(name, [_score(column.get(name)) for column in scores.values()]) for name in names]
    pairs, which = measured.get("pairs", 0), measured.get("checkpoint", "")
    title = f"{measured.get('split', '')} split, {pairs:,} pairs, {which} checkpoint"
    return Evaluation(title, list(scores), rows)


def _score(score: float | dict | None) -> str:
    """A score as text, with its interval where it has one."""
    value = number(score)
    if value is None:
        return ""
    ends = [score.get(end) for end in ("low", "high")] if isinstance(score, dict) else [None]
    interval = f" ({ends[0]:.4g} to {ends[1]:.4g})" if None not in ends else ""
    return f"{value:.4g}{interval}"


def _pictures(page: dict[str, Any]) -> dict[str, bytes]:
    """{title: PNG} of the charts and of the newest samples."""
    charts = [panel for group in page["groups"] for panel in group.panels]
    charts = {panel.title: curves.png(panel) for panel in charts}
    grids = {name: pictures[-1].path.read_bytes() for name, pictures in page["grids"].items()}
    return charts | grids
