"""Success against baselines on the same split, on numbers that are known."""

import pytest

from mmvae.reporting import runs
from mmvae.reporting.checklist import MET, MISSED, NOT_KNOWN, WAITING, checklist
from mmvae.reporting.questions import components
from support.run_files import write

SCORES = {
    "image_mse": 0.06,
    "caption_perplexity": 80.0,
    "caption_perplexity_from_image": 120.0,
    "retrieval_image_to_caption_at_10": 0.034,
    "retrieval_caption_to_image_at_10": 0.09,
}
CCA = {
    "retrieval_image_to_caption_at_10": {"value": 0.093, "low": 0.07, "high": 0.12},
    "retrieval_caption_to_image_at_10": {"value": 0.082, "low": 0.06, "high": 0.11},
}
N_GRAM = {"caption_perplexity": 104.0, "caption_perplexity_from_image": 104.0}


def evaluation(scores=SCORES, **baselines):
    known = {"PCA": {"image_mse": 0.0435}, "n-gram": N_GRAM, "CCA": CCA} | baselines
    return {"split": "val", "model": scores, "baselines": known}


def val(mse=0.06, loss=5.0, accuracy=0.8):
    values = {"image_mse": mse, "loss_caption": loss, "caption_accuracy": accuracy}
    return values | {"loss_total": 3.0, "loss_caption_from_image": loss + 2, "loss_alignment": 3.0}


def checks(folder, evaluations, **files):
    return {c.criterion: c for c in checklist(runs.load(write(folder, evaluations, **files)))}


def test_what_training_logs_is_measured_by_its_baselines(tmp_path):
    known = checks(tmp_path, [val()] * 50)
    statuses = {
        "image MSE below the mean picture's": MET,
        "image MSE below half of the mean picture's": MET,
        "caption loss below that of piece frequencies": MET,
        "given the picture alone, caption loss below that of piece frequencies": MISSED,
    }
    assert {words: known[words].status for words in statuses} == statuses
    assert known["image MSE below the mean picture's"].value == "0.0600: 30% of it"


def test_plain_figures_stand_beside_and_prove_nothing(tmp_path):
    """A run that meets "75 % accuracy and MSE under 0.25" and beats no baseline."""
    known = checks(tmp_path, [val(mse=0.21, loss=6.6)] * 50, evaluation=evaluation())
    notes = {c.note for c in known.values() if c.note.startswith("Plain figure")}
    assert {note.split(":")[0] for note in notes} == {
        f"Plain figure, {words}"
        for words in ("accuracy over 70%", "accuracy over 75%", "MSE under 0.3", "MSE under 0.25")
    }
    assert all(": met (" in note and "It proves nothing alone" in note for note in notes)
    baselines = [
        c for c in known.values() if "below the" in c.criterion or "half of the" in c.criterion
    ]
    assert {c.status for c in baselines if c.when != "evaluated"} == {MISSED}


def test_a_plain_figure_that_is_not_met_is_told(tmp_path):
    known = checks(tmp_path, [val(accuracy=0.155)] * 50)
    note = known["given the picture alone, caption loss below that of piece frequencies"].note
    assert note.startswith("Plain figure, accuracy over 70%: not met (15.5%).")


def test_an_evaluation_is_judged_at_any_time(tmp_path):
    known = checks(tmp_path, [val()], evaluation=evaluation())
    wanted = {
        "image MSE below PCA's": (MISSED, "0.0600 on val", "0.0435: PCA"),
        "perplexity below the n-gram's": (MET, "80 on val", "104: n-gram"),
        "the same, given the picture alone": (MISSED, "120 on val", "104: n-gram"),
    }
    assert {n: (known[n].status, known[n].value, known[n].trivial) for n in wanted} == wanted
    retrieval = known["retrieval above CCA's, first 10"]
    assert retrieval.status == MISSED, "one way of two is under"
    assert retrieval.note == "The model sees less of what is shown than a linear model does."


def test_without_an_evaluation_the_command_is_told(tmp_path):
    known = checks(tmp_path, [val()])
    for words in ("image MSE below PCA's", "retrieval above CCA's, first 10"):
        assert known[words].status == NOT_KNOWN and "mmvae.evaluate" in known[words].value
    assert WAITING not in {c.status for c in known.values()}, "the run is finished"


def test_alignment_under_a_linear_model_is_told(tmp_path):
    verdict = components.answer(runs.load(write(tmp_path, [val()], evaluation=evaluation())))
    under = "under CCA, a linear model of the same pairs: picture to caption 3.4% against 9.3%"
    assert under in verdict.answer and "caption to picture" not in verdict.answer
    labels = {f.label: f.bad for f in verdict.figures if f.label.startswith("retrieval")}
    assert labels == {
        "retrieval, picture to caption, first 10": True,
        "retrieval, caption to picture, first 10": False,
    }
    assert "above that of CCA" in " ".join(verdict.advice)


@pytest.mark.parametrize("without", ["CCA", "model"])
def test_without_cca_nothing_is_claimed(tmp_path, without):
    known = evaluation(CCA=None)
    known["baselines"] = {k: v for k, v in known["baselines"].items() if v}
    if without == "model":
        known = {}
    verdict = components.answer(runs.load(write(tmp_path, [val()], evaluation=known)))
    assert "CCA" not in verdict.answer
    assert not [f for f in verdict.figures if f.label.startswith("retrieval")]
