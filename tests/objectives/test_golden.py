"""The family against values of another library: MultiVae 1.0.3, on fixed inputs, in float64.

Encoder outputs are free leaves, decoders are affine with Normal noise of scale 1, and every
sample is loc + scale * sin(1.7 + 0.9 i). MMVAE_GOLDEN names another file of the same form.
"""

import functools
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base
from mmvae.models.decoder import Reconstruction
from mmvae.models.family.laplace import of_moments
from mmvae.models.family.layout import Layout
from mmvae.models.fusion import JOINT
from mmvae.models.gaussian import Gaussian
from mmvae.objectives.family import OBJECTIVES
from mmvae.objectives.rows import rows_of
from mmvae.objectives.terms import Settings
from support import tiny
from support.places import SHARED

OTHER = "MMVAE_GOLDEN"  # the environment variable that names another file
SUMS = ("mmvae", "mmvaeplus", "cmvae", "crmvae")  # of which the library gives sums over rows


def golden_cases():
    """{name: case} of the file of golden values; {} where there is none."""
    folder = os.environ.get(SHARED, "")
    path = Path(os.environ.get(OTHER) or Path(folder, "golden", "objectives.json"))
    return json.loads(path.read_text())["cases"] if path.is_file() else {}


CASES = golden_cases()


def wave(shape):
    return jnp.sin(1.7 + 0.9 * jnp.arange(np.prod(shape))).reshape(shape)


@dataclass
class Waves:
    """The golden file's randomness in place of `terms.Keys`: each sample starts anew.

    Attributes:
        rows: {stream: rows [B] bool} of samples that are of some rows alone.
    """

    rows: dict = field(default_factory=dict)

    def __call__(self, stream):
        return None

    def sample(self, q, stream):
        drawn = self.rows.get(stream, np.ones(len(q.mean), bool))
        noise = jnp.zeros(q.mean.shape).at[np.flatnonzero(drawn)]
        return q.at(noise.set(wave((int(drawn.sum()), q.mean.shape[1]))))

    def samples(self, q, stream, count):
        return jax.vmap(q.at)(wave((count, *q.mean.shape)))

    def choose(self, log_odds, stream):
        """Equal blocks of rows, the last choice (but "nothing") with what is left over."""
        rows, choices = log_odds.shape[0], log_odds.shape[1] - 1
        return jnp.minimum(jnp.arange(rows) // max(rows // choices, 1), choices - 1)


@dataclass
class Affine:
    """A model whose experts are free leaves and whose decoders are affine."""

    case: Any
    leaves: Any
    layout: Layout
    of: Any  # moments -> posterior
    joint: bool = False

    def encode(self, inputs, keys):
        experts = {name: self._expert(name) for name in inputs}
        return experts | ({JOINT: self._of("joint.", "")} if self.joint else {})

    def _expert(self, name):
        shared = self._of(f"{name}.", "")
        if not self.layout.private:
            return shared
        join = lambda *x: jnp.concatenate(x, axis=-1)
        return jax.tree.map(join, shared, self._of(f"{name}.", "style_"))

    def _of(self, start, kind):
        return self.of(
            Gaussian(self.leaves[f"{start}{kind}mu"], self.leaves[f"{start}{kind}logvar"])
        )

    def reconstruct(self, z, data, keys=None, train=False):
        return {name: self._told(name, z, x) for name, x in data.items()}

    def _told(self, name, z, x):
        mean = self.layout.code(z, name) @ self.case["W"][name].T + self.case["b"][name][None]
        loss = -Gaussian(mean, jnp.zeros_like(mean)).log_prob(x)
        return Reconstruction(loss, jnp.ones_like(loss), {})

    def code_prior(self, name, rows):
        return self._standard(jnp.zeros((rows, self.layout.private)))

    def log_prior(self, u):
        return self._standard(u).log_prob(u)

    log_code_prior = log_prior

    def _standard(self, like):
        return self.of(Gaussian(jnp.zeros_like(like), jnp.zeros_like(like)))

    def frozen(self):
        return self


def name_of(case):
    """The family's name of a case's model."""
    name = case["model"].lower()
    return f"{name}_private" if name == "mopoe" and private(case) else name


def private(case):
    """Dimensions of private codes."""
    sizes = case["config"].get("modalities_specific_dim") or 0
    return max(sizes.values()) if isinstance(sizes, dict) else sizes


def settings_of(case):
    """`terms.Settings` with which the family means what the library meant."""
    config, kwargs = case["config"], case.get("forward_kwargs") or {}
    objective, name = base.get_config().objective, name_of(case)
    beta = config.get("beta", 1.0)
    objective.draws = config.get("K", objective.draws)
    objective.gradient = config.get("loss", "dreg").split("_")[0]
    objective.subsampling = config.get("use_subsampling", True)
    objective.alpha = config.get("alpha", objective.alpha)
    objective.private_kl = config.get("beta_style", 1.0)
    if name == "jmvae":  # there alpha is no multiple of beta
        objective.alpha /= beta
    if name == "dmvae":
        weights = config.get("modalities_specific_betas") or {}
        (objective.private_kl,) = set(weights.values()) or {1.0}
        objective.private_kl /= beta
    beta *= 1.0 if name != "mmvae" else 1 / beta  # it has no effect there
    loss = ConfigDict({"weights": dict.fromkeys(case["modalities"], 1.0)})
    weight = beta * warmed(name, config.get("warmup", 0), kwargs)
    return Settings(loss, weight, objective=objective)


def warmed(name, warmup, kwargs):
    """Share of the divergence's weight in the library's epoch."""
    epoch = kwargs.get("epoch", 1)
    if epoch >= warmup:
        return 1.0
    if name == "jmvae":
        return epoch / warmup
    return (epoch - 1 + kwargs.get("batch_ratio", 0)) / warmup


def arrays(case):
    """The case with its lists as float64 arrays and its masks complete."""
    whole = {name: [True] * len(case["x"][name]) for name in case["modalities"]}
    masks = {name: np.array(mask) for name, mask in (case["masks"] or whole).items()}
    groups = {
        group: {name: jnp.array(value, jnp.float64) for name, value in case[group].items()}
        for group in ("x", "W", "b", "leaves")
    }
    return case | groups | {"masks": masks}


def drawn_rows(case):
    """Rows that each stream of a masked MVAE samples: the library leaves out the others."""
    if name_of(case) != "mvae":
        return {}
    names, masks = case["modalities"], case["masks"]
    shown = [names, *([name] for name in names)]
    some = [np.any([masks[name] for name in subset], axis=0) for subset in shown]
    return {10 + place: rows for place, rows in enumerate(some)}


def loss_of(case, leaves):
    """What the family gives for a case, as the library scales it."""
    name = name_of(case)
    asked, names = OBJECTIVES[name], tuple(case["modalities"])
    size = case["leaves"][f"{names[0]}.mu"].shape[-1]
    layout = Layout(names, size, private(case) if asked.private else 0)
    laplace = str(case["config"].get("prior_and_posterior_dist")).startswith("laplace")
    of = of_moments if laplace else lambda q: q
    model = Affine(case, leaves, layout, of, asked.fusion == "joint_encoder")

    def one(x, masks):
        mask = jnp.ones(len(x[names[0]]), bool)
        batch = {n: x[n] for n in names} | {"present": masks, "mask": mask}
        keys = Waves(drawn_rows(case))
        return asked.bound(rows_of(model, batch, keys, settings_of(case))).loss

    rows = len(case["x"][names[0]]) if name in SUMS else 1
    return rows * tiny.on_one(one)(case["x"], case["masks"])


def test_the_file_is_read():
    if os.environ.get(OTHER) or Path(os.environ.get(SHARED, ""), "golden").is_dir():
        assert len(CASES) > 0


@pytest.mark.parametrize("name", CASES)
def test_the_family_gives_the_values_and_gradients_of_the_library(name):
    with jax.enable_x64(True):
        case = arrays(CASES[name])
        loss, gradients = jax.value_and_grad(functools.partial(loss_of, case))(case["leaves"])
    np.testing.assert_allclose(loss, case["loss"], rtol=1e-6)
    for leaf, gradient in case["grads"].items():
        given = np.zeros_like(case["leaves"][leaf]) if gradient is None else gradient
        scale = np.abs(given).max()
        np.testing.assert_allclose(
            gradients[leaf], given, rtol=1e-6, atol=1e-6 * scale, err_msg=leaf
        )
