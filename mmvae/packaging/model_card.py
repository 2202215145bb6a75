"""The model card of a run: what the model is, its data, numbers, limits and terms; Markdown.

Its front matter is that of the Hugging Face hub.
"""

from pathlib import Path
from typing import Any, NamedTuple

from mmvae import __version__
from mmvae.errors import UserError
from mmvae.files import read_object
from mmvae.inference.session import Session
from mmvae.runs.directory import CARD, EVALUATION, METRICS
from mmvae.runs.writers.jsonl import read_rows

Card = dict[str, Any] | None  # the data card of the run

_METRICS = {
    "image_psnr": "reconstruction of pictures, dB",
    "image_mse": "the same, mean squared error on [-1, 1]",
    "caption_accuracy": "next tokens right, given the pair's latent",
    "caption_accuracy_from_image": "next tokens right, given the picture alone",
    "caption_perplexity": "per token, given the pair's latent",
    "latent_kl": "information in the latent, nats",
    "latent_active_units": "dimensions of the latent in use",
    "coherence_image_to_caption": "captions that name what the picture shows",
    "coherence_caption_to_image": "pictures that show what the caption says",
    "coherence_joint": "new pictures that show what their new caption says",
}


class Measured(NamedTuple):
    """A metric of a checkpoint, its 95 % interval as text or "", and what it means."""

    name: str
    value: float
    interval: str
    meaning: str


def model_card(session: Session, run: Path, licence: str) -> str:
    """The card of a session loaded from the directory `run`; `licence` is a name or ""."""
    name = session.config.name
    return f"{_front_matter(licence, name)}\n# {name}\n\n{text(session, run, licence)}"


def text(session: Session, run: Path, licence: str = "") -> str:
    """The card without its front matter and title.

    Raises:
        UserError: the run's data card, log or evaluation is damaged.
    """
    remedy = "copy it from the data set that the run was trained on, or delete it"
    card = _json(run / CARD, remedy)
    try:
        data = _data(card)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{run / CARD} is damaged (it lacks {error}); {remedy}.") from error
    sections = {
        "What it does": _what(session),
        "Data": data,
        "How good it is": _numbers(run, session.step),
        "Limits": _limits(card),
        "Licence": _licence(licence),
    }
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items()) + "\n"


def metrics(run: Path, step: int) -> list[Measured]:
    """What is known of a checkpoint: as `mmvae.evaluate` measured it, else as training logged it.

    Training samples before the samplers are fitted to the latents at rest, and does worse.

    Raises:
        UserError: the log or the evaluation is damaged.
    """
    logged = {}
    path = run / METRICS
    for row in read_rows(path) if path.exists() else ():
        if row["step"] <= step:
            logged |= {name.removeprefix("val/"): x for name, x in row.items() if "val/" in name}
    evaluation = _evaluation(run, step)
    known = logged | (evaluation["model"] if evaluation else {})
    rows = [_measured(name, known[name]) for name in _METRICS if name in known]
    return [row for row in rows if isinstance(row.value, int | float)]


def _measured(name: str, score: Any) -> Measured:
    """Of a number, or of one with its interval as {"value": ..., "low": ..., "high": ...}."""
    if not isinstance(score, dict):
        return Measured(name, score, "", _METRICS[name])
    low, high = score["low"], score["high"]
    interval = "" if low is None else f"{low:.4g} to {high:.4g}"
    return Measured(name, score["value"], interval, _METRICS[name])


def _evaluation(run: Path, step: int) -> dict[str, Any] | None:
    """The run's evaluation, where it is of this checkpoint."""
    path = run / EVALUATION
    remedy = f"type python -m mmvae.evaluate --workdir {run} --out {path}, or delete it"
    evaluation = _json(path, remedy)
    if not evaluation or evaluation.get("step") != step:
        return None
    try:
        f"{evaluation['pairs']:,} {evaluation['split']}"
        [
            _measured(name, evaluation["model"][name])
            for name in _METRICS & evaluation["model"].keys()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged (it lacks {error}); {remedy}.") from error
    return evaluation


def _what(session: Session) -> str:
    parts = [f"{name} ({modality.describe()})" for name, modality in session.modalities.items()]
    return (
        f"One continuous latent of {session.latent_dim} dimensions for {' and '.join(parts)}. It "
        f"writes a caption for a picture, makes a picture for a caption, and invents new pairs "
        f"from a seed. Made with mmvae {__version__}; checkpoint {session.step}."
    )


def _data(card: Card) -> str:
    if not card:
        return "The run has no data card."
    counts, captions = card["counts"], card["captions"]
    splits = ", ".join(f"{count:,} {name}" for name, count in counts["splits"].items())
    alone = counts.get("rows", {}).get("train", {})
    more = ", ".join(f"{n:,} rows of {kind} alone" for kind, n in alone.items() if kind != "pair")
    return (
        f"*{card['name']}*: {counts['kept']:,} pairs ({splits}); {counts['rejected']:,} inputs "
        f"were left out. {captions['distinct']:,} distinct captions, "
        f"{captions['mean_words']:.1f} words on average; "
        f"{captions['distinct_words']:,} distinct words."
        + (f" Training had besides {more}." if more else "")
    )


def _numbers(run: Path, step: int) -> str:
    rows = metrics(run, step)
    if not rows:
        return "Nothing was measured."
    lines = [
        f"| {name} | {value:.4g} | {interval} | {words} |" for name, value, interval, words in rows
    ]
    table = "\n".join(["| metric | value | 95 % interval | |", "|---|---|---|---|", *lines])
    logged = "the validation split, as logged in training"
    evaluation = _evaluation(run, step)
    if not evaluation:
        return f"On {logged}; no intervals.\n\n{table}"
    pairs, split = evaluation["pairs"], evaluation["split"]
    return f"On {pairs:,} pairs of the {split} split; without an interval, on {logged}.\n\n{table}"


def _limits(card: Card) -> str:
    seen = f"*{card['name']}*" if card else "its training data"
    return (
        f"- It knows what {seen} shows, and nothing else: a photograph, or a caption with other "
        f"words, gets an answer all the same, and that answer means nothing.\n"
        "- Pictures are small, and fine detail is blurred: the latent holds what matters for "
        "reconstruction on average.\n"
        "- Captions may be wrong, however sure they sound. Do not rely on them where that harms.\n"
        "- It may repeat training pairs; the demo and the evaluation command measure how near.\n"
        "- Prejudices of the data are those of the model; nothing filters what it makes."
    )


def _licence(licence: str) -> str:
    given = (
        f"The weights are offered under {licence}."
        if licence
        else "Whoever exported this model stated no licence for the weights: ask before using them."
    )
    return (
        f"{given} The code that made it, `run.py` included, is Apache-2.0. The terms of the "
        f"training data stay in force."
    )


def _front_matter(licence: str, name: str) -> str:
    return (
        f"---\nlicense: {licence.lower() or 'unknown'}\nlibrary_name: jax\n"
        f"pipeline_tag: text-to-image\ntags: [multimodal, vae, image-captioning, {name}]\n---\n"
    )


def _json(path: Path, remedy: str) -> Card:
    return read_object(path, remedy) if path.exists() else None
