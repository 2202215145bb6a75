"""Which of several workers runs what: a file's tests stay together, so do those of one fixture."""

import pytest

SHARED = "driven"  # a fixture of the whole session, too dear to be made by every worker
LONG = ("driven", "tests/doors", "tests/training", "tests/sweeps", "tests/web", "tests/packaging")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """pytest's hook: groups for `--dist loadgroup`, long ones first, so that workers end together."""
    items.sort(key=lambda item: (_rank(group(item)), group(item)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))


def group(item):
    """The name of what stays on one worker."""
    return SHARED if SHARED in item.fixturenames else item.location[0]


def _rank(name):
    return next((rank for rank, start in enumerate(LONG) if name.startswith(start)), len(LONG))
