"""Each new picture beside the three training pairs nearest to it."""

import gradio as gr

from mmvae.web import cards, fields, limits


def build(studio):
    """The tab *Is it copying?*."""
    if studio.training is None:
        gr.Markdown(
            "The training pairs are not on this machine. Start the demo with `--data DATASET` to "
            "see the nearest of them."
        )
        return []
    gr.Markdown(
        f"Nearest of {len(studio.training):,} training pairs by 16-pixel thumbnails. *Nearer than "
        "99 % of held-out pictures* means: of real pictures that the model never saw, only 1 % "
        "lie so near to a training picture. A copy says 100 %; new pictures say anything."
    )
    with gr.Row():
        num, seed = fields.number(limits.CARDS, 4), fields.seed()
        temperature, sampler = fields.temperature(), fields.sampler(studio)
    button = gr.Button("Generate and compare", variant="primary")
    shown = gr.HTML()
    return [
        fields.Tab(
            "Is it copying?",
            [num, seed, temperature, sampler],
            [shown],
            lambda *settings: ("".join(map(_row, studio.copying(*settings))),),
            [button.click],
        )
    ]


def _row(found):
    card, neighbours = found
    beside = "".join(
        cards.picture(
            one.image,
            f"training: {one.caption}",
            f"distance {one.distance:.3f}, nearer than {one.closer:.0%} of held-out pictures",
        )
        for one in neighbours
    )
    return f'<div class="beside">{cards.figure(card)}{beside}</div>'
