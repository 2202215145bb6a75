"""A run over pairs, pictures alone and captions alone: what is planned, told and kept."""

import pytest

from mmvae.data import batches
from mmvae.errors import UserError
from mmvae.evaluation import baselines
from mmvae.training import overview
from mmvae.training.plan import Plan
from support import tiny
from support.preparing import pictures, put, run, told

PAIRS, ALONE, SENTENCES = 40, 6, 30


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    names = [f"{i}.png" for i in range(PAIRS + ALONE)]
    pictures(folder / "in", *names)
    for number, name in enumerate(names[:PAIRS]):
        put(folder / "in", name.replace("png", "txt"), f"{told(number)} {'abcde'[number // 8]}")
    lines = [f"Once upon a time {told(i)} was number {'abcde'[i // 8]}." for i in range(SENTENCES)]
    put(folder / "texts", "book.txt", "\n".join(lines))
    more = "--keep-uncaptioned --image-size 16"
    sources = f"folder:{folder / 'in'}", f"prose:{folder / 'texts'}"
    assert run(folder / "set", *sources, more=more) == 0
    return folder / "set"


def plan(mixed, **shares):
    fields = {f"data__shares__{kind}": share for kind, share in shares.items()}
    return Plan(tiny.config(data__dir=str(mixed), data__channels=1, **fields).lock())


def test_an_epoch_is_a_pass_over_pairs(mixed):
    rows = plan(mixed).rows
    assert rows["caption"] == len({*range(SENTENCES)}) and set(rows) == {"pair", "image", "caption"}
    mine = plan(mixed, pair=0.5, caption=0.5)
    assert mine.steps_per_epoch == rows["pair"] // 4
    assert plan(mixed).steps_per_epoch == sum(rows.values()) // 8
    assert len(mine.train_records.pairs) == rows["pair"]


def test_the_start_tells_what_a_batch_holds(mixed):
    lines = overview.lines(plan(mixed, pair=0.5, caption=0.5), None, 0.0, 0)
    said = [line for _, line in zip(range(3), lines)]
    assert "caption 30" in said[2] and said[2].endswith("in a batch caption 4, pair 4")
    lines = overview.lines(plan(mixed), None, 0.0, 0)
    assert [line for _, line in zip(range(3), lines)][2].endswith("in a batch as they come")


def test_a_share_without_rows_is_refused_before_training(mixed, sprites_dataset):
    with pytest.raises(UserError, match=r"asks for 4 rows of caption .*shares.caption=0\."):
        config = {"data__image_size": 32, "data__channels": 3, "data__shares__caption": 0.5}
        Plan(tiny.config(data__dir=str(sprites_dataset), data__shares__pair=0.5, **config).lock())
    with pytest.raises(UserError, match="shares.image=-1.0 must be at least 0"):
        plan(mixed, image=-1.0)


def test_baselines_learn_captions_from_pairs_alone(mixed):
    """Prose is another language: its frequencies would make a baseline weaker than it is."""
    mine = plan(mixed)
    measure = lambda train: baselines.before_training(train, mine.val_records, mine.modalities)
    both, alone = measure(mine.train_records), measure(mine.train_records.pairs)
    assert both["unigram"] == alone["unigram"]
    present = batches.present(mine.train_records, mine.modalities)
    assert not present["image"].all() and "image_mse" in both["mean image"]
