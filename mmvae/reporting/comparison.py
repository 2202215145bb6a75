"""The report of several runs: what differs, what came out, and what mattered."""

from mmvae.reporting import importance, parallel_coordinates, samples
from mmvae.reporting.curves import COLOURS, Line, Panel, png
from mmvae.reporting.page import checked, slug, templates
from mmvae.reporting.runs import finite
from mmvae.reporting.settings import SEED, compare, short
from mmvae.runs.writers.console import duration

_OVERLAID = (
    "loss_total",
    "image_mse",
    "loss_caption",
    "caption_accuracy",
    "loss_caption_from_image",
    "caption_z_gap",
    "latent_kl",
    "loss_alignment",
    "loss_prior",
)
_GRIDS = ("reconstruction", "caption_to_image", "generated")


def write(runs, out):
    """Write the comparison of at least two Runs to a .html or .md file.

    Raises:
        UserError: another ending, or a folder that does not exist.
    """
    out = checked(out)
    page = content(compare(runs))
    if out.suffix == ".md":
        page["figures"] = _files(page, out)
    text = templates().get_template(f"comparison{out.suffix}.j2").render(page)
    out.write_text(text, encoding="utf-8")


def content(comparison):
    """Everything that the templates show, {name: value}."""
    effects = importance.effects(comparison)
    colours = {s: COLOURS[i % len(COLOURS)] for i, s in enumerate(comparison.settings)}
    return {
        "comparison": comparison,
        "names": {field: short(field, comparison.fields) for field in comparison.fields},
        "runs": _runs(comparison),
        "settings": _settings(comparison),
        "colours": colours,
        "panels": _panels(comparison, colours),
        "grids": _grids(comparison),
        "effects": effects,
        "correlations": importance.correlations(comparison),
        "forests": _forests(comparison),
        "conclusions": importance.conclusions(comparison, effects),
        "parallel": parallel_coordinates,
    }


def _runs(comparison):
    """[(run, row of the table, [(target's text, is the best of all)], [time, speed, cost])]."""
    best = {t.metric: _best(comparison.table[t.metric], t) for t in comparison.targets}
    found = []
    for run, (_, row) in zip(comparison.runs, comparison.table.iterrows(), strict=True):
        cells = [
            (f"{row[t.metric]:{t.form}}", row[t.metric] == best[t.metric])
            for t in comparison.targets
        ]
        found.append((run, row, cells, _cost(run)))
    return found


def _cost(run):
    """[(what, text)]: time, speed, computation."""
    speed = finite(run.series("system/images_per_second"))
    flops = run.facts.get("step_flops")
    known = flops and flops == flops
    return [
        ("time", duration(run.seconds)),
        ("epochs", f"{run.epochs_done:.3g}"),
        ("steps", f"{run.last_step:,}"),
        ("img/s", f"{speed.median():,.0f}" if len(speed) else ""),
        ("TFLOP", f"{flops * run.last_step / 1e12:,.3g}" if known else ""),
    ]


def _settings(comparison):
    """[(label, number of runs, [mean and deviation of each target])], best first."""
    grouped = comparison.table.groupby("setting", sort=False)
    found = []
    for label, group in grouped:
        cells = []
        for target in comparison.targets:
            values, form = group[target.metric], target.form
            spread = f" ± {values.std():{form.lstrip('+')}}" if len(values) > 1 else ""
            cells.append(f"{values.mean():{form}}{spread}")
        found.append((label, len(group), cells, group))
    if comparison.targets:
        first = comparison.targets[0]
        key = lambda row: row[3][first.metric].mean() * (1 if first.less else -1)
        found.sort(key=key)
    return [row[:3] for row in found]


def _panels(comparison, colours):
    """Validation curves of every run over each other, by epoch; seeds share a colour."""
    panels = []
    for metric in _OVERLAID:
        lines = []
        for run, setting in zip(comparison.runs, comparison.table["setting"], strict=True):
            values = finite(run.series(f"val/{metric}"))
            values.index = values.index.astype(float) / (run.steps_per_epoch or 1)
            if len(values):
                lines.append(Line(run.name, values, colours[setting], marker="."))
        if lines:
            panels.append(Panel(f"val/{metric}", lines, across="epoch"))
    return panels


def _grids(comparison):
    """[(name, [(run's label, Picture)])] of the newest samples, side by side."""
    found = []
    for name in _GRIDS:
        shown = []
        for run, (_, row) in zip(comparison.runs, comparison.table.iterrows(), strict=True):
            picture = samples.last_grid(run, name)
            if picture:
                seed = f", seed {row[SEED]}" if comparison.seeds else ""
                shown.append((f"{row['setting']}{seed}", picture))
        if shown:
            found.append((name, shown))
    return found


def _forests(comparison):
    """[(target, R2, Importances)] of the targets that runs suffice for."""
    found = [(target, importance.forest(comparison, target)) for target in comparison.targets]
    return [(target, *result) for target, result in found if result]


def _best(values, target):
    return values.min() if target.less else values.max()


def _files(page, out):
    """Write the charts and samples beside a Markdown file; {title: path relative to it}."""
    folder = out.parent / f"{out.stem}_files"
    folder.mkdir(exist_ok=True)
    pictures = {panel.title: png(panel) for panel in page["panels"]}
    pictures["parallel"] = parallel_coordinates.png(page["comparison"])
    for name, shown in page["grids"]:
        for label, picture in shown:
            pictures[f"{name}: {label}"] = picture.path.read_bytes()
    paths = {}
    for title, content in pictures.items():
        path = folder / f"{slug(title)}.png"
        path.write_bytes(content)
        paths[title] = f"{folder.name}/{path.name}"
    return paths
