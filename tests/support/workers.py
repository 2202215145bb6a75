"""Which of several workers runs what: a file's tests stay together, so do those of one fixture."""

from functools import cache

from xdist.scheduler import LoadScopeScheduling

from support.places import ROOT

SHARED = "driven"  # a fixture of the whole session, too dear to be made by every worker
LONG = (SHARED, "tests/doors", "tests/training", "tests/sweeps", "tests/web", "tests/packaging")


class Scheduling(LoadScopeScheduling):
    """Whole groups go to a worker, in the order of collection."""

    def _split_scope(self, nodeid):
        return group(nodeid.split("::")[0])


def pytest_xdist_make_scheduler(config, log):
    """pytest-xdist's hook. Its own groups, by a mark, are not seen with pytest 9.2."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """pytest's hook: long groups first, so that workers end together."""
    items.sort(key=lambda item: _place(group(item.location[0])))


@cache
def group(path):
    """The name of what stays on one worker, of a test file: itself, or the fixture it needs."""
    return SHARED if SHARED in (ROOT / path).read_text() else path


def _place(name):
    rank = next((rank for rank, start in enumerate(LONG) if name.startswith(start)), len(LONG))
    return rank, name
