"""The generate command: files, interpolation, samplers, and errors of one sentence."""

import csv
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mmvae import generate
from mmvae.errors import UserError
from mmvae.inference.samplers import SAMPLERS
from mmvae.runs.directory import SAMPLERS as FILE


@pytest.fixture
def run(sprites_run):
    return sprites_run


def command(run, *flags):
    return generate.main(["--workdir", str(run), *map(str, flags)])


def rows(folder):
    with (folder / "captions.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_pairs_are_files_with_their_seeds(run, tmp_path):
    assert command(run, "--num", 3, "--seed", 5, "--out", tmp_path / "a" / "b") == 0
    found = rows(tmp_path / "a" / "b")
    assert [row["seed"] for row in found] == ["5", "6", "7"]
    assert all((tmp_path / "a" / "b" / row["file"]).exists() for row in found)
    assert all(float(row["score"]) < 0 for row in found)
    assert pixels(tmp_path / "a/b/contact_sheet.png").shape[1] > 128 * 3


def test_a_seed_alone_is_the_seed_among_others(run, tmp_path):
    command(run, "--num", 3, "--seed", 5, "--out", tmp_path / "three")
    command(run, "--num", 1, "--seed", 6, "--out", tmp_path / "one")
    for name in ("000006.png",):
        assert (tmp_path / "three" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_makes_pairs(run, tmp_path, sampler):
    assert command(run, "--num", 2, "--sampler", sampler, "--out", tmp_path) == 0
    assert len(rows(tmp_path)) == 2


def test_interpolation_moves_between_a_seed_and_a_picture(run, tmp_path):
    command(run, "--num", 1, "--seed", 9, "--out", tmp_path)
    ends = ("--interpolate", 9, tmp_path / "000009.png")
    assert command(run, *ends, "--num", 5, "--out", tmp_path / "between") == 0
    with Image.open(tmp_path / "between/interpolation.gif") as motion:
        assert motion.n_frames == 8, "there and back"
    assert pixels(tmp_path / "between/strip.png").shape[1] > 5 * 128
    first = pixels(tmp_path / "between/000000.png")
    np.testing.assert_array_equal(first, pixels(tmp_path / "000009.png"))


def test_a_picture_of_any_kind_gets_a_caption(run, tmp_path, capsys):
    Image.new("P", (50, 20), 3).save(tmp_path / "palette.png")
    picture = ("--image", tmp_path / "palette.png", "--beams", 3)
    assert command(run, *picture) == 0
    caption = capsys.readouterr().out
    assert caption.count("\n") == 1
    assert command(run, *picture, "--out", tmp_path / "read") == 0
    (row,) = rows(tmp_path / "read")
    assert row["caption"] == caption.strip() and row["seed"] == ""


def test_latents_of_no_length_are_interpolated(run, tmp_path):
    flags = ("--sampler", "prior", "--temperature", 0, "--num", 3, "--out", tmp_path)
    assert command(run, "--interpolate", 1, 2, *flags) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "000000.png"), pixels(tmp_path / "000002.png"))


def test_a_run_is_used_without_tensorflow(run, tmp_path):
    code = (
        "import sys; sys.modules['tensorflow'] = None; from mmvae import generate as g; g.main({})"
    )
    flags = ["--workdir", str(run), "--num", "1", "--out", str(tmp_path)]
    subprocess.run([sys.executable, "-c", code.format(flags)], check=True, timeout=300)
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--num", 1), "--out DIR is required"),
        (("--num", 0, "--out", "x"), "must be at least 1"),
        (("--seed", -1, "--out", "x"), "--seed must be at least 0"),
        (("--caption", "漢字", "--out", "x"), "no characters that this run's vocabulary knows"),
        (("--caption", "", "--out", "x"), "no characters that this run's vocabulary knows"),
        (("--image", "missing.png"), "missing.png does not exist"),
        (("--image", __file__), "not a picture in a known format"),
        (("--checkpoint", "77", "--out", "x"), "no checkpoint 77"),
        (("--sampler", "flux", "--out", "x"), "choose one of flow, ancestral, gmm, prior"),
        (("--out", __file__), "is a file; name a directory"),
        (("--interpolate", "missing.png", 3, "--out", "x"), "missing.png does not exist"),
        (("--interpolate", 2**32, 3, "--out", "x"), "a seed is below 2"),
        (("--interpolate", "漢" * 200, 3, "--out", "x"), "no characters that this run's"),
        (("--interpolate", "²", 3, "--out", "x"), "no characters that this run's"),
        (("--interpolate", "big heart", 3, "--sampler", "gmm", "--out", "x"), "new pairs only"),
        (("--guidance", -1, "--out", "x"), "--guidance must be a number of at least 0"),
        (("--guidance", "nan", "--out", "x"), "--guidance must be a number of at least 0"),
        (("--temperature", "nan", "--out", "x"), "--temperature must be a number of at least 0"),
        (("--temperature", "inf", "--out", "x"), "--temperature must be a number of at least 0"),
    ],
)
def test_mistakes_get_one_sentence(run, flags, sentence):
    with pytest.raises(UserError, match=sentence):
        command(run, *flags)


def test_samplers_of_another_checkpoint_are_not_used(run, tmp_path):
    other = shutil.copytree(run, tmp_path / "run")
    with np.load(run / FILE) as arrays:
        np.savez(other / FILE, **dict(arrays) | {"step": np.asarray(1)})
    with pytest.raises(UserError, match="not fitted for this checkpoint"):
        command(other, "--sampler", "gmm", "--out", tmp_path)


def test_a_damaged_samplers_file_is_named(run, tmp_path):
    other = shutil.copytree(run, tmp_path / "run")
    whole = (other / FILE).read_bytes()
    (other / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="samplers.npz is damaged"):
        command(other, "--out", tmp_path)
