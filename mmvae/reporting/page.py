"""The report of one run: everything on it gathered once, then written as HTML or Markdown."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from mmvae.errors import UserError
from mmvae.reporting import curves, panels, reproduce, samples, timeline
from mmvae.reporting.baselines import baselines, number
from mmvae.reporting.questions import FIVE, every
from mmvae.runs.writers.console import duration

FORMATS = (".html", ".md")


def write(run, out):
    """Write the report of a Run to a .html or .md file.

    Raises:
        UserError: another ending, or a folder that does not exist.
    """
    out = checked(out)
    page = content(run)
    if out.suffix == ".md":
        page["figures"] = _files(page, out)
    environment = templates()
    out.write_text(environment.get_template(f"run{out.suffix}.j2").render(page), encoding="utf-8")


def checked(out):
    """`out` as a Path that can be written to as a report."""
    out = Path(out)
    if out.suffix not in FORMATS:
        raise UserError(f"--out {out} must end in .html or .md, such as report.html.")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    return out


def templates():
    """The Jinja environment of the templates; everything is escaped in HTML."""
    environment = Environment(
        loader=PackageLoader("mmvae.reporting"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = curves.svg
    environment.filters["uri"] = samples.data_uri
    environment.filters["slug"] = slug
    return environment


def slug(text):
    """A name for links and files."""
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


def content(run):
    """Everything that the templates show, {name: value}."""
    verdicts = every(run)
    return {
        "run": run,
        "state": _state(run),
        "tiles": tiles(run),
        "verdicts": verdicts,
        "five": verdicts[: len(FIVE)],
        "checks": timeline.checklist(run),
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


def tiles(run):
    """[(label, value, beside it)]: the numbers to read first."""
    trivial = baselines(run)
    found = []
    for label, name, form in (
        ("best validation loss", "loss_total", ".4g"),
        ("image MSE", "image_mse", ".4f"),
        ("caption accuracy", "caption_accuracy", ".1%"),
        ("caption z gap", "caption_z_gap", "+.3f"),
        ("picture of a caption right", "coherence_caption_to_image", ".1%"),
    ):
        values = run.series(f"val/{name}")
        at = (
            values.get(run.best_step)
            if name != "coherence_caption_to_image"
            else run.last(f"val/{name}")
        )
        if at is None:
            continue
        beside = f"trivial {trivial[name].value:{form}}" if name in trivial else ""
        if name == "loss_total" and run.steps_per_epoch:
            beside = f"epoch {run.best_step / run.steps_per_epoch:.3g}, step {run.best_step:,}"
        found.append((label, f"{at:{form}}", beside))
    found.append(("time", duration(run.seconds), f"{run.last_step:,} steps"))
    return found


def _state(run):
    total = run.config.get("train.epochs")
    if run.diverged:
        return f"diverged at step {run.diverged[0]:,}"
    if run.finished:
        return f"finished, {total} epochs"
    return f"at epoch {run.epochs_done:.3g} of {total}: running, or interrupted"


def _card(run):
    card = run.card
    if not card:
        return []
    counts, image, words = (card.get(k, {}) for k in ("counts", "image", "captions"))
    rows = [("name", card.get("name")), ("sources", ", ".join(card.get("sources", [])))]
    rows += [(f"{name} pairs", f"{n:,}") for name, n in counts.get("splits", {}).items()]
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


def _parameters(run):
    """[(part, number, share)] of the parameters, largest first."""
    parts = run.facts.get("parameters", {})
    total = sum(parts.values())
    rows = sorted(parts.items(), key=lambda item: -item[1])
    rows = [(name, f"{n:,}", f"{n / total:.1%}") for name, n in rows if n]
    return [*rows, ("total", f"{total:,}", "")] if rows else []


def _evaluation(run):
    """(title, columns, rows) of `mmvae.evaluate`'s findings, or None."""
    found = run.evaluation
    if not isinstance(found.get("model"), dict):
        return None
    scores = {"model": found["model"]} | found.get("baselines", {})
    names = [name for name, score in found["model"].items() if number(score) is not None]
    rows = [(name, [_score(column.get(name)) for column in scores.values()]) for name in names]
    pairs, which = found.get("pairs", 0), found.get("checkpoint", "")
    title = f"{found.get('split', '')} split, {pairs:,} pairs, {which} checkpoint"
    return title, list(scores), rows


def _score(score):
    """A score as text, with its interval where it has one."""
    value = number(score)
    if value is None:
        return ""
    ends = [score.get(end) for end in ("low", "high")] if isinstance(score, dict) else [None]
    interval = f" ({ends[0]:.4g} to {ends[1]:.4g})" if None not in ends else ""
    return f"{value:.4g}{interval}"


def _files(page, out):
    """Write the charts beside a Markdown file; {title: path relative to it}."""
    folder = out.parent / f"{out.stem}_files"
    folder.mkdir(exist_ok=True)
    paths = {}
    for _, _, charts in page["groups"]:
        for panel in charts:
            path = folder / f"{slug(panel.title)}.png"
            path.write_bytes(curves.png(panel))
            paths[panel.title] = f"{folder.name}/{path.name}"
    for name, pictures in page["grids"].items():
        path = folder / f"{name}.png"
        path.write_bytes(pictures[-1].path.read_bytes())
        paths[name] = f"{folder.name}/{path.name}"
    return paths
