"""Settings of the libraries before their first use, and the end of a process among several."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator

from mmvae import command_line


@contextlib.contextmanager
def together() -> Iterator[bool]:
    """End this process at once when it fails among several: the others wait for it otherwise.

    Yields whether this process is the first of them, which tells and writes.
    """
    import jax

    try:
        yield jax.process_index() == 0
    except Exception as error:
        if jax.process_count() == 1:
            raise
        sentence = command_line.told(error, sys.argv[1:])
        if sentence is None:
            traceback.print_exc()
        else:
            print(f"error: {sentence}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1 if sentence is None else 2)


def start_up(multihost: bool) -> None:
    """Settings of the libraries that must come before their first use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", os.path.expanduser("~/.cache/mmvae/xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if multihost:
        jax.distributed.initialize()
    elif "JAX_COORDINATOR_ADDRESS" in os.environ:
        jax.distributed.initialize(
            num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
            process_id=int(os.environ["JAX_PROCESS_ID"]),
        )
