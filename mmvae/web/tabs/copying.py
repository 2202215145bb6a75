"""Each new picture beside the three training pairs nearest to it."""

import gradio as gr

from mmvae.web import cards, fields, limits
from mmvae.web.fields import Tab
from mmvae.web.nearest import Neighbour
from mmvae.web.studio import Card, Studio


def build(studio: Studio) -> list[Tab]:
    """The tab *Is it copying?*."""
    if studio.training is None:
        gr.Markdown(
            "The training pairs are not on this machine. Start the demo with `--data DATASET` to "
            "see the nearest of them."
        )
        return []
    gr.Markdown(
        f"Nearest of {len(studio.training):,} training pairs by 16-pixel thumbnails. *Nearer than "
        "99% of held-out pictures* means: of real pictures that the model never saw, only 1% "
        "lie so near to a training picture. A copy says 100%; new pictures say anything."
    )
    with gr.Row():
        num, seed = fields.number(limits.CARDS, 4), fields.seed()
        temperature, sampler = fields.temperature(), fields.sampler(studio)
    button = gr.Button("Generate and compare", variant="primary")
    shown = gr.HTML()
    return [
        Tab(
            "Is it copying?",
            [num, seed, temperature, sampler],
            [shown],
            lambda *settings: ("".join(map(_row, studio.copying(*settings))),),
            [button.click],
        )
    ]


def _row(compared: tuple[Card, list[Neighbour]]) -> str:
    card, neighbours = compared
    beside = "".join(
        cards.picture(
            pair.image,
            f"training: {pair.caption}",
            f"distance {pair.distance:.3f}, nearer than {pair.closer:.0%} of held-out pictures",
        )
        for pair in neighbours
    )
    return f'<div class="beside">{cards.figure(card)}{beside}</div>'
