"""The model card of a trained run: its words, and where its numbers come from."""

import json
from types import SimpleNamespace

import pytest

from mmvae.data.modalities import Caption, Image
from mmvae.errors import UserError
from mmvae.packaging import model_card
from support.run_files import copy

STEP = 900
MEASURED = {"value": 0.95, "low": 0.93, "high": 0.97, "count": 500}


@pytest.fixture
def run(tmp_path):
    """A run's logs: two validations, the second after the checkpoint."""
    rows = [
        {"step": 450, "val/image_psnr": 20.0, "val/coherence_caption_to_image": 0.25},
        {"step": STEP, "train/loss_total": 3.0, "val/image_psnr": 22.0},
        {"step": 1350, "val/image_psnr": 24.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def evaluated(run, step, **scores):
    content = {"step": step, "pairs": 500, "split": "test", "model": scores}
    (run / "evaluation.json").write_text(json.dumps(content))


def values(run):
    return {row.name: (row.value, row.interval) for row in model_card.metrics(run, STEP)}


def session():
    """What the card asks of a Session."""
    modalities = {"image": Image((32, 40, 1)), "caption": Caption(8, 371)}
    config = SimpleNamespace(name="sprites")
    return SimpleNamespace(config=config, modalities=modalities, latent_dim=16, step=STEP)


def test_numbers_are_the_last_logged_up_to_the_checkpoint(run):
    assert values(run) == {"image_psnr": (22.0, ""), "coherence_caption_to_image": (0.25, "")}


def test_an_evaluation_of_the_checkpoint_goes_before_what_training_logged(run):
    evaluated(run, STEP, coherence_caption_to_image=MEASURED)
    assert values(run)["coherence_caption_to_image"] == (0.95, "0.93 to 0.97")
    assert values(run)["image_psnr"] == (22.0, "")
    card = model_card.text(session(), run)
    assert "On 500 pairs of the test split; without an interval, on the validation split" in card


def test_an_evaluation_of_another_checkpoint_is_left_out(run):
    evaluated(run, 1350, coherence_caption_to_image=MEASURED)
    assert values(run)["coherence_caption_to_image"] == (0.25, "")
    assert "as logged in training; no intervals" in model_card.text(session(), run)


def test_what_is_not_finite_is_no_number(run):
    evaluated(run, STEP, image_psnr={"value": None, "low": None, "high": None, "count": 3})
    assert "image_psnr" not in values(run)


def test_a_run_without_logs_says_so(tmp_path):
    card = model_card.text(session(), tmp_path)
    assert "Nothing was measured." in card and "The run has no data card." in card


def test_the_card_tells_shapes_licence_and_limits(run):
    card = model_card.model_card(session(), run, "CC-BY-4.0")
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    assert "image (32x40x1 pixels) and caption (8 tokens of 371 pieces)" in card
    assert "offered under CC-BY-4.0" in card and "## Limits" in card
    assert "stated no licence" in model_card.text(session(), run)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("card.json", b"{", "card.json is damaged .* copy it from the data set"),
        ("card.json", b"[]", "card.json is damaged .no JSON object.; copy it"),
        ("card.json", b'{"name": "a"}', "card.json is damaged .it lacks 'counts'.; copy it"),
        (
            "card.json",
            b'{"name": "a", "counts": 7, "captions": {}}',
            "card.json is damaged .*; copy",
        ),
        (
            "evaluation.json",
            b"\xff",
            "evaluation.json is damaged .*; type python -m mmvae.evaluate",
        ),
        (
            "evaluation.json",
            b'{"step": 900}',
            "evaluation.json is damaged .it lacks 'pairs'.; type",
        ),
        ("metrics.jsonl", b"[1]\n[2]\n", "metrics.jsonl line 1 is damaged .*; remove that line"),
    ],
)
def test_damage_is_told_in_one_sentence_with_what_to_type(run, name, content, words):
    (run / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        model_card.text(session(), run)


def test_data_are_told_from_the_data_card(driven, tmp_path):
    copy(driven / "healthy", tmp_path)
    counts = json.loads((tmp_path / "card.json").read_text())["counts"]
    assert f"{counts['kept']:,} pairs" in model_card.text(session(), tmp_path)
