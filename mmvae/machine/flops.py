"""Floating-point operations of a function, counted in its jaxpr: the same on every backend.

Products are counted, 2 for a multiplication and its addition: of matrices, convolutions and
attention. Elementwise operations are not, as is the custom for MFU (Chowdhery et al. 2022,
appendix B); XLA's own counts have 1 for each.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax


def flops(function: Callable, *arguments: Any, axes: dict[str, int] | None = None) -> float:
    """Operations of `function(*arguments)`; shapes are enough of the arguments.

    A scan counts every turn of its body; a `while` whose turns are unknown counts one; of
    branches the costliest counts. `axes` names the sizes of mapped axes that it uses: the
    count is then of one device.
    """
    traced = jax.make_jaxpr(function, axis_env=list((axes or {}).items()))(*arguments)
    return float(_of(traced.jaxpr))


def _of(jaxpr):
    return sum(_of_equation(equation) for equation in jaxpr.eqns)


def _of_equation(equation):
    name, params = equation.primitive.name, equation.params
    if name in PRODUCTS:
        return PRODUCTS[name](equation)
    if "dot_product_attention" in name:
        return _attention(equation)
    inside = [_of(jaxpr) for jaxpr in _jaxprs(params)]
    if name == "cond":
        return max(inside)
    return sum(inside) * params.get("length", 1) * _copies(name, params)


def _jaxprs(params) -> Iterator[Any]:
    """The programs among an equation's parameters, each once."""
    for value in params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            program = getattr(part, "jaxpr", part)
            if hasattr(program, "eqns"):
                yield program


def _copies(name, params):
    """Devices that each run what stands in a shard_map."""
    return params["mesh"].size if name == "shard_map" else 1


def _dot(equation):
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * _size(equation.outvars[0]) * math.prod(left[axis] for axis in contracted)


def _convolution(equation):
    """Every output reads a window of all input features of its group."""
    kernel, numbers = equation.invars[1].aval.shape, equation.params["dimension_numbers"]
    features, *window = (kernel[axis] for axis in numbers.rhs_spec[1:])
    return 2 * _size(equation.outvars[0]) * features * math.prod(window)


def _attention(equation):
    """A fused kernel: two products forwards, and five backwards, of which one is repeated."""
    query, key = (variable.aval.shape for variable in equation.invars[:2])
    batch, length, heads, width = query
    products = 5 if "bwd" in equation.primitive.name else 2
    return products * 2 * batch * heads * length * key[1] * width


def _size(variable):
    return math.prod(variable.aval.shape)


PRODUCTS = {"dot_general": _dot, "conv_general_dilated": _convolution}
