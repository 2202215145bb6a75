"""In CI nothing is skipped for want of a part: such a skip fails its test."""

import os

import pytest

from support.places import ABSENT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """pytest's hook: the report of a phase of a test."""
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """pytest's hook: the report of collecting a file, which may skip all of it."""
    return judged((yield))


def judged(report):
    """`report`, failed where it tells of a skip that CI does not allow."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if ABSENT not in reason:
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid} may not be skipped where CI is set: {reason}"
    return report
