"""Models of vectors alone: they compile in a moment, and there can be any number of them."""

import numpy as np
from ml_collections import ConfigDict

from mmvae.data.modalities import of_run
from support import tiny


def config(names="abc", numbers=3, **changes):
    """`tiny.config` with a vector of some numbers as each of its modalities."""
    config = tiny.config()
    with config.unlocked():
        config.model.modalities = ConfigDict({name: _spec(name, numbers) for name in names})
        for group in ("cross", "subsets", "weights"):
            for name in ("image", "caption"):
                del config.loss[group][name]
            config.loss[group].update(dict.fromkeys(names, 1.0))
        config.model.latent.dim, config.model.prior.width = 4, 8
        objective = config.objective
        objective.private, objective.draws, objective.clusters = 2, 2, 3
        objective.target = names[0]
    config.update_from_flattened_dict({n.replace("__", "."): v for n, v in changes.items()})
    return config


def _spec(name, numbers):
    spec = {"kind": "vector", "features": tuple(f"{name}{i}" for i in range(numbers))}
    sizes = {"width": 8, "encoder_layers": 1, "decoder_layers": 1}
    return spec | sizes | {"likelihood": "gaussian", "scale": 1.0}


def batch(config, rows=6, seed=0):
    """A batch of noise, nothing absent."""
    random = np.random.default_rng(seed)
    kinds = of_run(config, tiny.VOCABULARY)
    data = {name: kind.random(random, rows) for name, kind in kinds.items()}
    present = {name: np.ones(rows, bool) for name in kinds}
    return data | {"present": present, "mask": np.ones(rows, bool)}
