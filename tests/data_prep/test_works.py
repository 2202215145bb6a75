"""Volumes, editions and numbers of one work are known by their titles, other works are not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.stages import hashing, works

SAME = [
    ["In Northern Mists: Arctic Exploration in Early Times (Volume 1 of 2)", "In Northern Mists, "
     "by Fridtjof Nansen—A Project Gutenberg eBook"],
    ["Cassell's Book of Birds, Vol. II (of 4) From the Text of Dr Brehm", "Cassell’s book of "
     "birds: From the text; vol. 4", "Cassell's Book of Birds Volume one, by T. R. Jones, F.R.S"],
    ["Cassell's Natural History, Vol. I, by Peter Martin Duncan", "Cassel’s Natural History, Vol. "
     "3 (of 6), by Various"],
    ["Illustrated History of Furniture: From the Earliest", "Illustrated History of Furniture, "
     "fifth ed. From the Earliest"],
    ["The Boy Travellers in the Far East, by Thomas W. Knox", "the Boy Travellers in the Far East "
     "Part Second, by Thomas W. Knox"],
    ["ON MICROSCOPIC SCIENCE VOLUME THE FIRST", "On Microscopic Science Volume the Second"],
    ["Rowlandson the Caricaturist First Volume", "Rowlandson the Caricaturist Second Volume"],
    ["Old And New Paris, by H. Edwards", "Old and New Paris, v. 2, by Henry Edwards"],
    ["The Old Inns (Vol. I of II), by C. Harper", "The Old Inns (Vol. II of II), by C. Harper"],
]  # fmt: skip
LINKED = [
    ["Bible Animals, by J. G. Wood", "Story of the Bible Animals by J. G. Wood"],
    ["The Steam Engine Familiarly Explained and Illustrated With a Sketch, by D. Lardner", "The "
     "Steam Engine Explained and Illustrated (Seventh Edition), by Dionysius Lardner"],
    ["North American Land Birds, Vol. 1, by Baird, Brewer and Ridgway", "North American Birds, "
     "Vol. 2, by Baird, Brewer and Ridgway", "A History of North "
     "American Birds. Vol. III., Land Birds, by S. F. Baird, T. M. Brewer, and R. Ridgway"],
    ["The Strand Magazine, February, 1891, by G. Newnes (editor)", "The Strand, Volume 5, Issue 26,"
     " February, 1893"],
    ["Scientific American Supplement, No. 497, July 11, 1885", "Scientific American, Volume 56, "
     "No. 9, February 26, 1887 by Various"],
]  # fmt: skip
APART = [
    "The Ancient Stone Implements of Great Britain, by John Evans",
    "The Ancient Bronze Implements of Great Britain, by John Evans",
    "A History of Wood-engraving, by George E. Woodberry",
    "A Brief History of Wood-engraving from Its Invention, by Joseph Cundall",
    "The Scientific American Boy, by A. Russell Bond",
    "Scientific American, Volume 56, No. 9, February 26, 1887",
    "Manual of Egyptian Archaeology", "Manual of Oriental Antiquities, by Ernest Babelon",
    "History of Lace", "History of Pottery, Volume 1", "Snakes, by C. Hopley", "Fungi: Their Uses",
]  # fmt: skip


def linked(titles):
    of = [works.of_title(title) for title in titles]
    clusters = hashing.together([work.name for work in of], works.links(of))
    return [clusters[work.name] for work in of]


@pytest.mark.parametrize("titles", SAME)
def test_volumes_and_editions_have_one_name(titles):
    assert len({works.of_title(title).name for title in titles}) == 1


@pytest.mark.parametrize("titles", SAME + LINKED)
def test_titles_of_one_work_are_together(titles):
    assert len(set(linked(titles))) == 1


def test_other_works_are_apart():
    assert len(set(linked(APART))) == len(APART)


def test_an_author_of_a_column_counts():
    own = works.of_title("Popular History of Birds", "Lardner, Dionysius; Evans, John, Sir")
    assert own.authors == {"lardner", "evans"}
    assert works.of_title("Birds, by Various").authors == frozenset()


def test_a_work_that_is_said_is_taken():
    names, links = works.named(
        {"1": ("A", "", "Same"), "2": ("B", "", "same "), "3": ("C", "", "")}
    )
    assert names == {"1": "same", "2": "same", "3": "c"} and links == []


FRACTIONS = {"val": 0.2, "test": 0.2}
KEYS = [f"work {i}" for i in range(12)]
links_of = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=8)


@given(st.sets(st.sampled_from(KEYS)), links_of, links_of, st.integers(0, 5))
def test_what_is_added_moves_no_validation_row(known, links, more, seed):
    own = [(a, b) for a, b in links if {a, b} <= known]
    before = hashing.splits(hashing.together(known, own), FRACTIONS, seed)
    clusters = hashing.together(KEYS, links + more)
    after = hashing.splits(clusters, FRACTIONS, seed)
    held = ("train", "test", "val")
    assert all(held.index(after[key]) >= held.index(split) for key, split in before.items())
    for one, other in itertools.combinations(KEYS, 2):
        assert clusters[one] != clusters[other] or after[one] == after[other]


def test_without_links_nothing_moves_and_shares_are_near():
    few, many = (
        hashing.splits(hashing.together([str(i) for i in range(n)], []), {"val": 0.1, "test": 0.05})
        for n in (500, 4000)
    )
    assert few.items() <= many.items()
    counts = [list(many.values()).count(name) / 4000 for name in ("val", "test")]
    assert abs(counts[0] - 0.1) < 0.02 and abs(counts[1] - 0.05) < 0.015
    other = hashing.splits(hashing.together(many, []), {"val": 0.1, "test": 0.05}, seed=1)
    assert other != many
