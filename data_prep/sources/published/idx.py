"""IDX files, plain or gzipped: arrays of bytes, as MNIST is distributed."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mmvae.errors import UserError

_UNSIGNED_BYTES = 8  # code of the only type that is read


def read(path: Path) -> UInt8[np.ndarray, "..."]:
    """The array in a file: two zero bytes, a type, the number of sizes, the sizes (big-endian
    32-bit numbers), the values.

    Raises:
        UserError: it cannot be read, holds another type, or is not as long as it says.
    """
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}; download that file again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTES:
        raise UserError(f"{path} is no IDX file of bytes; download that file again")
    start = 4 + 4 * content[3]
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) != start + math.prod(sizes):
        raise UserError(
            f"{path} has {len(content)} bytes, not the {' x '.join(map(str, sizes))} after {start} "
            f"that it says; download that file again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)
