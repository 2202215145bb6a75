"""Is the latent used? Active units, information, and what another item's latent costs."""

from mmvae.reporting.runs import Run
from mmvae.reporting.verdict import GOOD, LOOK, WRONG, Figure, Verdict, below, unknown

QUESTION = "Is the latent used?"
MEANING = (
    "Mean, deviation and length of latents look healthy in a collapsed model too. These do not: "
    "the KL is the information a latent carries; a unit is active when its posterior mean varies "
    "over the data (variance above 0.01); the z gap is what the loss gains from the item's own "
    "latent over another item's, near 0 when a decoder ignores it."
)
_INFORMATION, _ACTIVE = "information in the latent, nats", "active units"
_ADVICE = (
    "Lower --config.loss.weights.kl by 10, or raise --config.loss.free_bits.",
    "For captions raise --config.model.modalities.caption.word_dropout.",
)


def answer(run: Run) -> Verdict:
    """The verdict on a run."""
    kl, gap = run.last("val/latent_kl"), run.last("val/caption_z_gap")
    if kl is None and gap is None:
        return unknown(QUESTION, "Too early to say: no evaluation was logged yet.")
    figures = tuple(filter(None, (_kl(kl), _active(run), _caption_gap(run, gap), _image_gap(run))))
    by_label = {figure.label: figure.level for figure in figures}
    empty = WRONG in (by_label.get(_INFORMATION), by_label.get(_ACTIVE))
    if empty:
        text = "No, it has collapsed: it tells nothing about the item."
    elif [figure.level for figure in figures].count(WRONG) > 1:
        text = (
            "No: it holds something, but the decoders answer without it (too early, or too weak)."
        )
    elif all(figure.level == GOOD for figure in figures):
        text = "Yes, by both decoders."
    else:
        named = next(figure for figure in figures if figure.level != GOOD)
        text = f"In part: {named.label} {named.value}."
    advice = () if text.startswith("Yes") else _ADVICE
    return Verdict(QUESTION, text, figures, MEANING, advice)


def _kl(kl: float | None) -> Figure | None:
    if kl is None:
        return None
    return Figure(_INFORMATION, f"{kl:.1f}", "above 5; below 1 is collapse", below(kl, 5, 1))


def _active(run: Run) -> Figure | None:
    active, size = run.last("val/latent_active_units"), run.latent_dim
    if active is None or not size:
        return None
    return Figure(
        _ACTIVE,
        f"{active:.0f} of {size}",
        "above 10%; below 2% is collapse",
        below(active / size, 0.1, 0.02),
    )


def _caption_gap(run: Run, gap: float | None) -> Figure | None:
    if gap is None:
        return None
    loss = run.last("val/loss_caption")
    beside = f" (loss with its own: {loss:.3f})" if loss is not None else ""
    return Figure(
        "caption z gap, nats per token",
        f"{gap:+.3f}{beside}",
        "above 0.1; below 0.02 captions ignore it",
        below(gap, 0.1, 0.02),
    )


def _image_gap(run: Run) -> Figure | None:
    gap, loss = run.last("val/image_z_gap"), run.last("val/loss_image")
    if gap is None or not loss:
        return None
    share = gap / abs(loss)
    level = WRONG if share < 0.01 else LOOK if share < 0.1 else GOOD
    healthy = "above 10%; below 1% pictures ignore it"
    return Figure("image z gap, share of the image loss", f"{share:+.0%}", healthy, level)
