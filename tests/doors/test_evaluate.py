"""The command on a trained run: every number, its files, comparisons, and what it refuses."""

import json
import shutil
from fnmatch import fnmatch

import numpy as np
import pytest
from PIL import Image

from data_prep import prepare
from mmvae import evaluate
from mmvae.data import records
from mmvae.errors import UserError
from mmvae.evaluation import outcome, split, suite
from mmvae.evaluation.families import coherence
from mmvae.inference.samplers import SAMPLERS
from mmvae.inference.session import Session
from mmvae.runs.writers import read_rows
from mmvae.training.loop import train
from support import tiny

FAST = ["--num", "12", "--draws", "2"]


def trained(dataset, workdir, **changes):
    settings = {
        "data__dir": str(dataset),
        "data__image_size": 32,
        "data__channels": 3,
        "train__epochs": 1,
        "eval__num_samples": 2,
        "eval__metrics": ("coherence", "alignment"),
        "eval__samples_every_epochs": 1,
        "wandb__mode": "disabled",
    }
    assert train(tiny.config(**(settings | changes)).lock(), workdir) == 0
    return workdir


@pytest.fixture(scope="module")
def run(sprites_dataset, tmp_path_factory):
    return trained(sprites_dataset, tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def other(sprites_dataset, tmp_path_factory):
    """A run with the caption alone switched off: a unimodal VAE by configuration."""
    changes = {
        "loss__subsets__joint": 0.0,
        "loss__subsets__image": 1.0,
        "loss__subsets__caption": 0.0,
        "loss__cross__caption": 0.0,
        "loss__weights__caption": 0.0,
        "loss__weights__alignment": 0.0,
    }
    return trained(sprites_dataset, tmp_path_factory.mktemp("runs") / "pictures", **changes)


@pytest.fixture(scope="module")
def evaluation(run, tmp_path_factory):
    """(result, path) of the whole command."""
    out = tmp_path_factory.mktemp("evaluation") / "a.json"
    assert evaluate.main(["--workdir", str(run), "--split", "val", "--out", str(out), *FAST]) == 0
    return json.loads(out.read_text()), out


def test_every_family_has_numbers_with_intervals_and_counts(evaluation):
    result, _ = evaluation
    assert set(result["families"]) >= set(suite.FAMILIES) - {"images", "baselines"}
    model = result["model"]
    for name in (
        *("elbo_joint", "iwae_caption", "log_likelihood_caption_from_image", "latent_kl"),
        *("image_mse", "image_ssim_from_image", "image_psnr_from_caption"),
        *("caption_bleu4_from_image", "caption_cider_d", "caption_perplexity", "caption_rouge_l"),
        *("retrieval_image_to_caption_at_1", "retrieval_caption_to_image_median_rank"),
        *("alignment_margin", "coherence_image_to_caption_shape", "memorisation_closer"),
    ):
        assert model[name]["low"] <= model[name]["high"], name
        assert model[name]["low"] - 1e-6 <= model[name]["value"] <= model[name]["high"] + 1e-6
        assert model[name]["count"] > 0
    assert model["image_mse"]["count"] == result["pairs"] == 12
    assert model["loss_total"]["count"] == result["split_pairs"] == 16


def test_each_number_is_told_as_its_own_family_says(evaluation):
    result, _ = evaluation
    of = lambda name: [
        family
        for family, module in suite.FAMILIES.items()
        if any(fnmatch(name, pattern) for pattern in module.FORMATS)
    ]
    for family, names in result["families"].items():
        assert {name: of(name) for name in names} == {name: [family] for name in names}
    beside = set().union(*result["baselines"].values())
    assert [name for name in beside if len(of(name)) != 1] == []


def test_every_sampler_is_measured_or_its_absence_noted(evaluation):
    result, _ = evaluation
    for sampler in SAMPLERS:
        noted = any(f"sampler {sampler} was left out" in note for note in result["notes"])
        assert (coherence.joint_name(sampler) in result["model"]) != noted


def test_baselines_are_beside_the_model(evaluation):
    beside = evaluation[0]["baselines"]
    assert set(beside) == {"mean image", "PCA", "unigram", "n-gram", "copycat", "CCA", "chance"}
    assert beside["copycat"]["memorisation_closer"]["value"] > 0.95
    assert beside["copycat"]["coherence_joint"]["value"] > 0.9
    assert beside["PCA"]["image_mse"]["value"] < beside["mean image"]["image_mse"]["value"]


def test_it_says_how_it_was_measured(evaluation):
    result, out = evaluation
    details = result["details"]
    assert details["settings"]["draws"] == 2
    assert "version:" in details["sacrebleu"]["bleu"]
    assert len(details["latent_kl_per_dimension"]) == 8
    assert set(details["seconds"]) == set(suite.FAMILIES)
    assert len(details["closest"]) == 12
    with Image.open(out.with_name("a_closest.png")) as sheet:
        assert sheet.mode == "RGB"


def test_the_same_command_gives_the_same_numbers(evaluation, run, tmp_path):
    result, _ = evaluation
    flags = ["--metrics", "captions,memorisation,likelihood", "--out", str(tmp_path / "b.json")]
    evaluate.main(["--workdir", str(run), *FAST, *flags])
    again = json.loads((tmp_path / "b.json").read_text())["model"]
    assert again == {name: result["model"][name] for name in again}


def test_teacher_forcing_agrees_with_training_on_a_whole_split(run, tmp_path):
    out = tmp_path / "whole.json"
    flags = ["--metrics", "losses,captions,reconstruction", "--num", "99"]
    evaluate.main(["--workdir", str(run), "--out", str(out), *flags])
    model = json.loads(out.read_text())["model"]
    loss = model["loss_caption_from_image"]["value"]
    assert model["caption_perplexity_from_image"]["value"] == pytest.approx(np.exp(loss), rel=1e-3)
    assert model["caption_perplexity_from_image"]["count"] == 16


def test_differences_to_another_run_and_to_a_file(evaluation, run, other, tmp_path, capsys):
    _, path = evaluation
    out = tmp_path / "c.json"
    flags = ["--metrics", "reconstruction,alignment", "--against", str(other), str(path)]
    evaluate.main(["--workdir", str(run), "--out", str(out), *FAST, *flags])
    result = json.loads(out.read_text())
    same, apart = result["against"][str(path)], result["against"][str(other)]
    # The file rounds replicates to six digits.
    assert same["image_mse"] == pytest.approx(
        {"value": 0, "low": 0, "high": 0, "count": 12}, abs=1e-5
    )
    assert apart["image_mse_from_image"]["low"] < apart["image_mse_from_image"]["high"]
    assert f"(1) {other}" in capsys.readouterr().out


def test_a_table_is_printed(run, tmp_path, capsys):
    flags = ["--metrics", "reconstruction,baselines,images", "--out", str(tmp_path / "d.json")]
    evaluate.main(["--workdir", str(run), *FAST, *flags])
    text = capsys.readouterr().out
    assert "mean image" in text and "image_ssim" in text and "12 of 16 pairs" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metrics", "caption"], "--metrics caption is not one of: losses, .*captions"),
        (["--features", "vgg"], "--features vgg is not one of: efficientnet_lite0"),
        (["--num", "0"], "--num=0 must be at least 1"),
        (["--against", "nowhere.json"], "nowhere.json is neither a run nor an evaluation"),
        (["--split", "all"], "has no split 'all'"),
        (["--seed", "-1"], "--seed=-1 must be at least 0"),
        (["--out", "."], "--out . is a folder; name a file in it"),
    ],
)
def test_wrong_flags_get_one_sentence(run, tmp_path, flags, message):
    command = ["--workdir", str(run), "--out", str(tmp_path / "e.json")]
    with pytest.raises(UserError, match=message):
        evaluate.main([*command, "--metrics", "alignment", *FAST, *flags])


def test_only_data_of_the_runs_vocabulary_and_size_is_measured(run, sprites_dataset, tmp_path):
    def refused(message):
        flags = ["--out", str(tmp_path / "f.json"), "--data", str(data), "--metrics", "alignment"]
        with pytest.raises(UserError, match=message):
            evaluate.main(["--workdir", str(run), *FAST, *flags])

    data = shutil.copytree(sprites_dataset, tmp_path / "other words")
    (data / "tokenizer.model").write_bytes(b"other")
    refused("another vocabulary than .*: prepare it with --tokenizer .*tokenizer.model")
    data = tmp_path / "large"
    flags = "--source sprites:1 --num-pairs 40 --image-size 64 --workers 1 --out"
    prepare.main([*flags.split(), str(data)])
    refused("pictures of 64x64x3, .* takes 32x32x3: prepare it with --image-size 32 --channels 3")


def test_results_of_other_items_are_told_apart(evaluation):
    result, _ = evaluation
    assert outcome.unlike(result, result) == []
    (note,) = outcome.unlike(result, result | {"split": "test", "data": "elsewhere"})
    assert "measured with other data, --split: differences mislead" in note


def test_training_measures_the_families_asked_for_by_the_same_code(run):
    logged = set().union(*read_rows(run / "metrics.jsonl"))
    assert {
        "val/coherence_joint",
        "val/coherence_image_to_caption",
        "val/alignment_margin",
    } <= logged


def test_training_refuses_a_family_there_is_not(sprites_dataset, tmp_path):
    with pytest.raises(UserError, match="config.eval.metrics: coherenc is not one of"):
        trained(sprites_dataset, tmp_path / "none", eval__metrics=("coherenc",))


def test_a_part_of_a_split_is_drawn_evenly(run):
    session = Session.load(run)
    val = records.read(session.config.data.dir, "val")
    some = split.load(val, session, 4)
    assert some.names == [val.ids[i] for i in (0, 4, 8, 12)]
    whole = split.load(val, session, 99)
    np.testing.assert_array_equal(some.images[1], whole.images[4])
    assert some.captions[1] == whole.captions[4]
    np.testing.assert_array_equal(some.ids[1], whole.ids[4])
