"""Low-rank adapters (Hu et al. 2022): what `layers.Dense` adds, put into its matrices.

A merged model computes the same, up to rounding, with fewer products and without a trace of
adapters, so every reader of a run works with merged parameters; only training keeps them apart.
"""

from typing import Any

from ml_collections import ConfigDict

IN, OUT = "adapter_in", "adapter_out"  # names of the matrices [in, rank] and [rank, out]


def merged(params: Any) -> Any:
    """Nested dict of parameters without adapters: kernel + in @ out wherever there is one."""
    if not isinstance(params, dict):
        return params
    rest = {name: merged(value) for name, value in params.items() if name not in (IN, OUT)}
    return rest | {"kernel": rest["kernel"] + params[IN] @ params[OUT]} if IN in params else rest


def without(config: ConfigDict) -> ConfigDict:
    """The run's configuration for merged parameters."""
    plain = config.copy_and_resolve_references()
    with plain.unlocked():
        plain.model.adapter_rank = 0
    return plain.lock()
