"""The family of objectives, by `config.objective.name`.

An objective is a function (bound model, batch, keys, settings) -> (total, metrics): `total` is
this device's share of what is differentiated, `keys(stream)` gives a key for each row, and
metrics are {name: (sum, count)}.
"""

from collections.abc import Callable

from mmvae.objectives.elbo import elbo

OBJECTIVES: dict[str, Callable] = {"elbo": elbo}
