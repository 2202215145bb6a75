"""Devices in words, and what they reach."""

import resource
import sys
import time

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

_SIZES = (512, 1024, 2048, 4096, 8192, 16384)  # of square matrices
_LONG = 0.1  # seconds: larger products than one that lasts this long are not tried


def devices() -> str:
    """The devices by kind, the processes and the version of JAX, in words."""
    kinds = {}
    for device in jax.devices():
        kinds[device.device_kind] = kinds.get(device.device_kind, 0) + 1
    named = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    processes = jax.process_count()
    counted = "1 process" if processes == 1 else f"{processes} processes"
    return f"{named}, {counted}, JAX {jax.__version__}"


def matmul_peak(dtype: DTypeLike, seconds: float) -> tuple[float, int]:
    """(rate, size) of the fastest square product in `dtype`: FLOP/s over all devices, and rows.

    Sizes grow while a product stays short. The fastest repetition counts, so that nothing
    else on the machine can make a train step look good by slowing its measure down.
    """
    best = (0.0, 0)
    for size in _SIZES:
        fastest = _product_seconds(size, dtype, seconds / len(_SIZES))
        best = max(best, (matmul_flops(size) / fastest * jax.device_count(), size))
        if fastest > _LONG:
            break
    return best


def matmul_flops(size: int) -> int:
    """Floating-point operations of a product of two square matrices."""
    return 2 * size**3


def _product_seconds(size: int, dtype: DTypeLike, seconds: float) -> float:
    keys = jax.random.split(jax.random.key(0))
    # Random numbers: products of zeros run faster on some devices.
    left, right = (jax.random.normal(key, (size, size), dtype) for key in keys)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(left, right))
    times = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        jax.block_until_ready(product(left, right))
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory() -> tuple[int, str]:
    """(bytes, where): the fullest device's peak, or the process's where devices do not tell."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [s["peak_bytes_in_use"] for s in stats if "peak_bytes_in_use" in s]
    if peaks:
        return max(peaks), "device"
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "process"
