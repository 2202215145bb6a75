"""Devices in words, and what they reach."""

import contextlib
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mmvae.files import write_whole

_SIZES = (512, 1024, 2048, 4096, 8192, 16384)  # of square matrices
_LARGE = 8192  # of the product that tells an accelerator's peak
_SECONDS = 0.2  # that a peak is measured for
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


def peak(dtype: DTypeLike) -> float:
    """Floating-point operations a second that products in `dtype` reach on all devices.

    An accelerator's is measured once for its kind and kept in the user's cache. A processor's
    depends on what else it does, and is measured anew.
    """
    if jax.default_backend() == "cpu":
        return matmul_peak(dtype, _SECONDS)[0]
    kept = _kept(jax.devices()[0].device_kind, jnp.dtype(dtype).name)
    with contextlib.suppress(OSError, ValueError, KeyError):
        return json.loads(kept.read_text())["flops_per_second"] * jax.device_count()
    rate = matmul_flops(_LARGE) / _product_seconds(_LARGE, dtype, _SECONDS)
    # Two at once may meet, and a home may be read-only: then it is measured again next time.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, json.dumps({"flops_per_second": rate, "size": _LARGE}).encode())
    return rate * jax.device_count()


def _kept(kind, dtype):
    name = re.sub(r"[^a-z0-9]+", "-", f"{kind}-{dtype}-jax-{jax.__version__}".lower())
    return Path(os.path.expanduser("~/.cache/mmvae/peaks")) / f"{name}.json"


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
