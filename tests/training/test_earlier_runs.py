"""Runs that an earlier version of the code made: they are continued, and they answer as they did.

Nothing here may need a change of the archive. What fails was a promise to those who have runs.
"""

from pathlib import Path

import numpy as np
import pytest

from mmvae import config as configs
from mmvae.inference.session import Session
from mmvae.runs.writers import read_rows
from mmvae.training.loop import train
from support import earlier_runs

# Another processor sums in another order.
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with `dataset`, `finished`, `interrupted` and `expected.npz`."""
    return earlier_runs.unpack(tmp_path_factory.mktemp("earlier"))


@pytest.fixture(scope="module")
def expected(runs):
    with np.load(runs / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def session(runs):
    return Session.load(runs / "finished")


def approx(value):
    return pytest.approx(value, rel=CLOSE["rtol"], abs=CLOSE["atol"])


def last_validation(run):
    rows = [row for row in read_rows(run / "metrics.jsonl") if "val/loss_total" in row]
    return {name: value for name, value in rows[-1].items() if name != "time"}


def test_an_interrupted_run_ends_where_the_other_did(runs, monkeypatch):
    monkeypatch.chdir(runs)
    assert train(configs.of_run("interrupted"), Path("interrupted")) == 0
    found, wanted = (last_validation(runs / name) for name in ("interrupted", "finished"))
    assert wanted.keys() <= found.keys()
    # A gap is to the latent of a neighbour on the same device, so it changes with their number.
    names = [name for name in wanted if not name.endswith("_z_gap")]
    off = {n: (found[n], wanted[n]) for n in names if found[n] != approx(wanted[n])}
    assert off == {}


def test_posteriors_and_projections_are_what_they_were(session, expected):
    images = expected["images_in"]
    answers = {
        "mean, std": session.encode(caption=["a circle", "a big square"]),
        "image_mean, image_std": session.encode(image=images),
        "project": (session.project(image=images),),
    }
    for names, arrays in answers.items():
        for name, array in zip(names.split(", "), arrays, strict=True):
            np.testing.assert_allclose(array, expected[name], err_msg=name, **CLOSE)


def test_samples_and_their_pairs_are_what_they_were(session, expected):
    pairs = session.generate(3, seed=5)
    np.testing.assert_allclose(pairs.latents, expected["latents"], **CLOSE)
    np.testing.assert_allclose(pairs.scores, expected["scores"], **CLOSE)
    assert pairs.captions == list(expected["captions"])
    apart = np.abs(pairs.images.astype(int) - expected["images"].astype(int))
    assert apart.max() <= 1, "rounding alone"
    gmm = session.sample_latents([1, 2], sampler="gmm")
    np.testing.assert_allclose(gmm, expected["gmm"], **CLOSE)
