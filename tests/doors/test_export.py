"""A package gives what its Session gives, without this code base, and refuses damage by name."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmvae import export as command
from mmvae.data import pictures
from mmvae.errors import UserError
from mmvae.inference.session import Session
from mmvae.packaging import run as packaged

CAPTIONS = ["big red heart", "small blue square", "green"]


@pytest.fixture(scope="module")
def session(sprites_run):
    return Session.load(sprites_run)


@pytest.fixture(scope="module")
def package(sprites_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "package"
    flags = ["--workdir", str(sprites_run), "--out", str(out), "--licence", "CC-BY-4.0"]
    assert command.main(flags) == 0
    return out


@pytest.fixture
def copy(package, tmp_path):
    return Path(shutil.copytree(package, tmp_path / "copy"))


@pytest.fixture(scope="module")
def model(package):
    return packaged.Model(package)


def asked(session):
    """Inputs of all functions, and what the Session makes of them."""
    images = session.generate(3, seed=70).images
    latents = session.sample_latents([1, 2, 3], temperature=0.7)
    seeds = np.arange(5, 8)
    drawn = session.sample_latents(seeds, caption=CAPTIONS)
    mixed = session.sample_latents(seeds, sampler="gmm")
    return (
        images,
        latents,
        {
            "image_mean": session.encode(image=images)[0],
            "image_deviation": session.encode(image=images)[1],
            "image_vector": session.project(image=images),
            "caption_mean": session.encode(caption=CAPTIONS)[0],
            "caption_vector": session.project(caption=CAPTIONS),
            "decoded": session.decode_images(latents),
            "new": session.decode_images(session.sample_latents(seeds)),
            "drawn": session.decode_images(drawn),
            "mixed": session.decode_images(mixed),
            "captions": session.decode_captions(latents)[0] + session.caption(images),
        },
    )


ANSWER = """
import sys, numpy as np
from run import Model
model, given = Model(), np.load(sys.argv[1])
images, latents, captions = given["images"], given["latents"], list(given["captions"])
seeds = np.arange(5, 8)
image, caption = model.encode_images(images), model.encode_captions(captions)
decoded, written = model.decode(latents)
np.savez(
    sys.argv[2], image_mean=image["mean"], image_deviation=image["deviation"],
    image_vector=image["vector"], caption_mean=caption["mean"], caption_vector=caption["vector"],
    decoded=decoded, new=model.generate(seeds)[0], drawn=model.generate(seeds, captions)[0],
    mixed=model.generate(seeds, sampler="gmm")[0],
    captions=np.array(written + model.caption(images)),
)
blocked = {"flax", "tensorflow", "orbax", "optax", "mmvae"} & set(sys.modules)
assert not blocked, blocked
"""


def check_equal(found, wanted, tolerance):
    """Every array within the tolerance that the manifest states."""
    assert list(found["captions"]) == wanted["captions"]
    for name in set(wanted) - {"captions"}:
        kind = "pixels" if wanted[name].dtype == np.uint8 else "latents"
        difference = np.abs(found[name].astype(float) - wanted[name].astype(float)).max()
        assert difference <= tolerance[kind], (name, difference)


# Round trip


def test_a_clean_environment_gives_what_the_session_gives(session, copy, tmp_path):
    """Only what run.py says it needs is installed; nothing of this environment is seen."""
    images, latents, wanted = asked(session)
    np.savez(tmp_path / "given.npz", images=images, latents=latents, captions=CAPTIONS)
    python = clean_environment(tmp_path / "venv")
    (copy / "answer.py").write_text(ANSWER)
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    arguments = [python, "answer.py", tmp_path / "given.npz", tmp_path / "found.npz"]
    done = subprocess.run(arguments, cwd=copy, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((copy / "manifest.json").read_text())
    with np.load(tmp_path / "found.npz") as found:
        check_equal(dict(found), wanted, manifest["tolerance"])
    lines = subprocess.check_output([python, "run.py", "verify"], cwd=copy, text=True)
    assert lines == f"{len(manifest['files'])} files are as they were made\n"


def clean_environment(folder):
    """The Python of a new environment with those packages, in the versions used here."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    names = ("jax", "jaxlib", "flatbuffers", "numpy", "sentencepiece", "pillow")
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in names]
    install = [folder / "bin/python", "-m", "pip", "install", "--quiet", *wanted]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no package index within reach: {done.stderr[-200:]}")
    return folder / "bin/python"


@pytest.mark.parametrize("rows", [1, 5, 17])
def test_any_number_of_rows(model, session, rows):
    latents = session.sample_latents(np.arange(rows))
    images, captions = model.decode(latents)
    assert captions == session.decode_captions(latents)[0]
    difference = images.astype(int) - session.decode_images(latents)
    assert np.abs(difference).max() <= model.manifest["tolerance"]["pixels"]


def test_ids_are_those_of_the_session(model, session):
    captions = ["", "big red heart", "漢字 heart", "red " * 50]
    np.testing.assert_array_equal(
        model.ids(captions), session.modalities["caption"].parsed(captions)
    )
    known = [session.tokenizer.knows(caption) for caption in captions]
    assert [model.knows(caption) for caption in captions] == known


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "LA"])
@pytest.mark.parametrize("size", [(50, 20), (7, 90)])
def test_pictures_are_read_as_the_session_reads_them(model, tmp_path, mode, size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), np.uint8)
    whole = Image.fromarray(noise, "RGBA" if mode in ("RGBA", "LA") else "CMYK")
    image = Image.new("I;16", size, 30000) if mode == "I;16" else whole.convert(mode)
    path = tmp_path / ("picture.tiff" if mode == "CMYK" else "picture.png")
    image.save(path)
    wanted = pictures.load(path, model.image_shape)
    np.testing.assert_array_equal(model.picture(path), wanted)


# What is inside


def test_what_a_package_holds(package, sprites_run, session):
    manifest = json.loads((package / "manifest.json").read_text())
    assert manifest["platforms"] == ["cpu", "cuda", "tpu"]
    assert manifest["checkpoint"] == session.step
    on_disk = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    assert on_disk == {*manifest["files"], "manifest.json"}
    assert {"weights.safetensors", "mixture.safetensors", "config.json", "run.py"} < on_disk
    for name, facts in manifest["files"].items():
        assert facts["sha256"] == hashlib.sha256((package / name).read_bytes()).hexdigest()
    programs = sum(path.stat().st_size for path in (package / "programs").iterdir())
    assert programs < 1e6, "weights are an argument, not a part of the programs"
    for path in package.rglob("*"):
        assert path.is_dir() or str(sprites_run.parent).encode() not in path.read_bytes(), path


def test_the_card_says_what_matters(package):
    card = (package / "MODEL_CARD.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    for words in ("## Data", "80 pairs", "| image_psnr |", "## Limits", "under CC-BY-4.0"):
        assert words in card


def test_weights_are_those_of_the_session(package, session):
    from safetensors.numpy import load_file

    from mmvae.packaging.programs import flat

    stored, read = load_file(package / "weights.safetensors"), {}
    read = packaged.load_tensors(package / "weights.safetensors")
    assert set(stored) == set(read) == set(flat(session.params))
    for name, value in flat(session.params).items():
        np.testing.assert_array_equal(stored[name], value)
        np.testing.assert_array_equal(read[name], value)
        assert read[name].shape == value.shape


# Damage and mistakes


@pytest.mark.parametrize("name", ["weights.safetensors", "programs/decode.jaxexport", "run.py"])
def test_truncated_and_changed_files_are_named(copy, name):
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[:-1])
    with pytest.raises(packaged.Refused, match=f"{name} has {len(whole) - 1} bytes instead of"):
        packaged.Model(copy)
    (copy / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(packaged.Refused, match=f"{name} was changed"):
        packaged.Model(copy)
    (copy / name).unlink()
    with pytest.raises(packaged.Refused, match=f"{name} is missing"):
        packaged.Model(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"run.py": 1}}', '{"files": 3}'])
def test_a_damaged_manifest_is_named(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(packaged.Refused, match="manifest.json is missing or damaged"):
        packaged.verify(copy)


def test_commands_of_a_package(package, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(packaged, "HERE", package)
    monkeypatch.setattr(packaged, "Model", lambda: model)
    assert packaged.main(["draw", "red heart", "--num", "2", "--out", str(tmp_path)]) == 0
    assert len((tmp_path / "captions.tsv").read_text().splitlines()) == 2
    capsys.readouterr()
    assert packaged.main(["caption", str(tmp_path / "000001.png")]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "000001.png"))
    with pytest.raises(packaged.Refused, match="no piece that this model knows"):
        packaged.main(["draw", "漢字", "--out", str(tmp_path)])
    with pytest.raises(packaged.Refused, match="cannot be read as a picture"):
        packaged.main(["caption", __file__])
    with pytest.raises(packaged.Refused, match="at least 1"):
        packaged.main(["generate", "--num", "0", "--out", str(tmp_path)])


def test_an_export_never_overwrites(sprites_run, package):
    with pytest.raises(UserError, match="name a new directory"):
        command.main(["--workdir", str(sprites_run), "--out", str(package)])
