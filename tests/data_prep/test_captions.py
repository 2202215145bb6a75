"""Cleaning of captions: what goes, what must stay, what is refused."""

import pytest

from data_prep.stages.captions import clean, judged, raw, useless

CLEANED = {
    "Fig. 138.--Banner of the Coopers.": "Banner of the Coopers.",
    "Fig 168.--From a wall-painting": "From a wall-painting",
    ":Fig. 744.—Water lily.": "Water lily.",
    "Figs. 19 and 20.—The Gnat (Culex pipiens).": "The Gnat (Culex pipiens).",
    "Fig. 100a.—Formation of conceptacle": "Formation of conceptacle",
    "No. 344.— Holland, of Kent.": "Holland, of Kent.",
    "Plate VI.—The Nemæan Lion.": "The Nemæan Lion.",
    "II.—A Herd of Cattle": "A Herd of Cattle",
    "31. Moveable Quintain—XIV. Century.": "Moveable Quintain—XIV. Century.",
    "1. Hunter. 2. Artist.": "1. Hunter. 2. Artist.",
    "Henry IV. And his Ministers——138": "Henry IV. And his Ministers",
    "Re-entering Paris- —-262": "Re-entering Paris",
    "Calvin . . . . . 222": "Calvin",
    "The Ox of Abyssinia, p. 120.": "The Ox of Abyssinia",
    "Cut off the wall at Ghent, 1590": "Cut off the wall at Ghent, 1590",
    "Maximilian armour, 1535.": "Maximilian armour, 1535.",
    "Skull; length about 25 feet": "Skull; length about 25 feet",
    "Sporidia. × 400.": "Sporidia. × 400.",
    "224.jpg the Sacred Bull. 2": "The Sacred Bull.",
    "073.jpg Man Wearing Wig and Necklaces.1": "Man Wearing Wig and Necklaces.",
    "132th (131K) Colossal Statue": "Colossal Statue",
    "Lamps found at Troy.ToList": "Lamps found at Troy.",
    "Walrus. Click on image to view larger version.": "Walrus.",
    "Larger map Plan of the town": "Plan of the town",
    "Image unavailable: a queen": "a queen",
    "Section of the Great Pyramid. [30]": "Section of the Great Pyramid.",
    "[Pg 277] Fig. 359.—Armour": "Armour",
    "Small Copper (Polyommatus [Lycæna] phlæas.)": "Small Copper (Polyommatus [Lycæna] phlæas.)",
    "THE LION AND THE GNAT.": "The lion and the gnat.",
    "THE BLACK SWAN (Cygnus atratus). HALF SIZE.": "The black swan (Cygnus atratus). Half size.",
    "HENRY VIII. AT ST. PAUL'S": "Henry VIII. At St. Paul's",
    "“I PERCEIVE YOU ARE IN LOVE.”": "“I perceive you are in love.”",
    "A GIGANTIC DINOSAUR. Length 60 feet.": "A gigantic dinosaur. Length 60 feet.",
    "THE SLIPPER-Y CO.'S SECTION B": "The slipper-y co.'s section B",
    "Fig. 16. Fig. 17. Dionysos. Hermes.": "Dionysos. Hermes.",
    "A, B, C, stages of growth": "A, B, C, stages of growth",
    "Caf&eacute; &amp;amp; <i>bar</i>": "Café & bar",
    "Cafe\u0301\u00ad \u200b bar": "Café bar",
    "[Illustration: A ship]": "A ship",
    "猫の絵": "猫の絵",
}

USELESS = {
    "": "no caption",
    "   ": "no caption",
    "Fig. 17.": "caption is only a label or a number",
    "Fable XV.": "caption is only a label or a number",
    "xiii": "caption is only a label or a number",
    "135": "caption is only a label or a number",
    "T": "caption is a single letter",
    "see text": "caption says nothing",
    "Frontispiece": "caption says nothing",
    "tail-piece, p. 39": "caption says nothing",
    "Letter H.": "caption says nothing",
    "Drawn by Boudier, from a photograph by Insinger.": "caption says nothing",
    "01-005b.jpg (56K)": "caption is only a label or a number",
    "DSC_0123": "caption is a file name",
    "Image created by the transcriber": "caption is about the edition",
}

USEFUL = (
    "Ox",
    "coin",
    "猫",
    "Table",
    "The end of the chase",
    "Cover of a bronze vase",
    "Drawn by Faucher-Gudin, from an Assyrian bas-relief",
    "Victoria",
    "Mix",
)


@pytest.mark.parametrize("raw", CLEANED)
def test_clean(raw):
    assert clean(raw) == CLEANED[raw]


@pytest.mark.parametrize("raw", CLEANED)
def test_cleaning_twice_changes_nothing(raw):
    assert clean(clean(raw)) == clean(raw)


@pytest.mark.parametrize("raw", USELESS)
def test_useless_captions_are_refused_with_a_reason(raw):
    assert useless(clean(raw), raw) == USELESS[raw]


@pytest.mark.parametrize("raw", USEFUL)
def test_short_captions_that_say_something_stay(raw):
    assert useless(clean(raw), raw) == ""


@pytest.mark.parametrize("way", [judged, raw])
def test_a_book_is_no_caption(way):
    assert way("word " * 2000)[1] == ""
    assert way("word " * 2001)[1] == "caption longer than 10000 characters"
