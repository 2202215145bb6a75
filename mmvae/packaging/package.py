"""The directory that an exported model is, and its manifest."""

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from mmvae import __version__
from mmvae import config as configs
from mmvae.errors import UserError
from mmvae.inference import pairs
from mmvae.inference.session import Session
from mmvae.packaging import model_card, programs
from mmvae.runs import directory

MANIFEST = "manifest.json"
# Largest difference from the Session that made the package, on the same kind of device:
# other batch sizes order sums differently.
_TOLERANCE = {
    "float32": {"latents": 1e-3, "pixels": 1},
    "bfloat16": {"latents": 0.1, "pixels": 8},
}
# jax.export reads programs with flatbuffers, which jax does not install by itself.
_REQUIRED = ("jax", "flatbuffers", "numpy", "sentencepiece", "pillow")
_SAMPLES = 16


def write(session: Session, run: Path, out: Path, licence: str = "") -> dict[str, Any]:
    """Write the package of a session loaded from the directory `run`; its manifest.

    An interrupted export leaves `out`.partial behind, never half a package.

    Raises:
        UserError: `out` is a file or a directory with something in it.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise UserError(f"--out {out} exists already; name a new directory.")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "programs").mkdir(parents=True)
    _write_model(session, partial)
    _write_words(session, run, partial, licence)
    _write_samples(session, partial / directory.SAMPLES)
    manifest = _manifest(session, partial)
    text = json.dumps(manifest, indent=2) + "\n"
    (partial / MANIFEST).write_text(text, encoding="utf-8")
    os.replace(partial, out)
    return manifest


def _write_model(session: Session, out: Path) -> None:
    for name, exported in programs.programs(session).items():
        (out / "programs" / f"{name}.jaxexport").write_bytes(exported.serialize())
    save_file(_arrays(programs.flat(session.params)), out / "weights.safetensors")
    if session.aggregate is not None:
        save_file(_arrays(session.aggregate.arrays), out / "mixture.safetensors")


def _write_words(session: Session, run: Path, out: Path, licence: str) -> None:
    shutil.copyfile(run / directory.TOKENIZER, out / directory.TOKENIZER)
    shutil.copyfile(Path(__file__).with_name("run.py"), out / "run.py")
    config = session.config.copy_and_resolve_references()
    with config.unlocked():
        config.data.dir = Path(config.data.dir).name  # where it lay is nobody's business
        config.init.from_run = Path(config.init.from_run).name
    (out / directory.CONFIG).write_text(configs.to_json(config), encoding="utf-8")
    text = model_card.model_card(session, run, licence)
    (out / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def _write_samples(session: Session, out: Path) -> None:
    """New pairs of seeds 0 to 15, not chosen."""
    new = session.generate(_SAMPLES)
    pairs.write(new, list(range(_SAMPLES)), out)


def _arrays(arrays):
    """Arrays as safetensors takes them: on the host, in C order."""
    return {name: np.asarray(value, order="C") for name, value in arrays.items()}


def _manifest(session: Session, out: Path) -> dict[str, Any]:
    height, width, channels = session.modalities["image"].shape
    words = session.modalities["caption"]
    length, vocabulary = words.length, words.vocab_size
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {
        "format": 1,
        "name": session.config.name,
        "checkpoint": session.step,
        "image_shape": [height, width, channels],
        "caption_length": length,
        "vocabulary": vocabulary,
        "latent_dim": session.latent_dim,
        "platforms": list(programs.PLATFORMS),
        "tolerance": _TOLERANCE[session.config.model.dtype],
        "versions": {"mmvae": __version__} | {name: version(name) for name in _REQUIRED},
        "files": {path.relative_to(out).as_posix(): _facts(path) for path in files},
    }


def _facts(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
