"""Calls beside the main thread: their results, their errors, and giving them up."""

import subprocess
import sys
import textwrap
import threading

import pytest

from mmvae.machine import background
from mmvae.machine.background import Background, Interrupted


def test_a_result_comes_when_the_call_is_over():
    go = threading.Event()
    call = Background(lambda x: go.wait(10) and x + 1, 41)
    assert not call.over and background.working()
    go.set()
    assert call.result() == 42 and call.over
    assert call.result() == 42  # again


def test_an_error_is_raised_where_the_result_is_asked_for():
    call = Background(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        call.result()


def test_what_is_waited_for_can_be_given_up():
    go, asked = threading.Event(), iter([False, False, True])
    call = Background(go.wait, 10)
    with pytest.raises(Interrupted):
        call.result(lambda: next(asked))
    go.set()  # given up is not ended
    assert call.result() is True


def test_a_process_leaves_with_its_code_though_a_call_is_under_way():
    program = """
        import sys, time
        from mmvae.machine.background import Background, leave
        assert leave(3) == 3
        Background(time.sleep, 600)
        print("told")
        sys.exit(leave(143))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, "told\n", "")
