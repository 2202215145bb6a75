"""All cores for pure functions: one process pool, results in the order of the jobs."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_CHUNK = 16  # jobs sent at once


@contextmanager
def pool(count: int) -> Iterator[Callable[[Callable, Iterable, Callable[[], Any]], list]]:
    """Yields parallel(function, jobs, tick): list of results; `tick()` after each.

    Processes are spawned, not forked: TensorFlow and JAX do not survive a fork. One worker
    means this process.
    """
    if count == 1:
        yield _in_order(map)
        return
    with multiprocessing.get_context("spawn").Pool(count) as processes:
        yield _in_order(lambda function, jobs: processes.imap(function, jobs, _CHUNK))


def _in_order(mapping):
    def parallel(function, jobs, tick):
        results = []
        for result in mapping(function, jobs):
            results.append(result)
            tick()
        return results

    return parallel
