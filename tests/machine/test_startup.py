"""Settings before libraries start, in processes of their own."""

import os
import subprocess
import sys

import pytest

from support.places import ROOT


def started(code, **environment):
    """The last line that a program prints after start-up."""
    program = f"from mmvae.machine import startup\n{code}"
    given = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "TF_"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=given | {"JAX_PLATFORMS": "cpu"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done


CACHE = "startup.start_up(False)\nimport jax\nprint(jax.config.jax_compilation_cache_dir)"


def test_programs_are_kept_in_the_users_cache_unless_told_elsewhere(tmp_path):
    done = started(CACHE, HOME=str(tmp_path))
    assert done.stdout.strip() == str(tmp_path / ".cache/mmvae/xla"), done.stderr
    done = started(CACHE, JAX_COMPILATION_CACHE_DIR="/elsewhere")
    assert done.stdout.strip() == "/elsewhere"


SEVERAL = "import jax\njax.process_count = lambda: 2\nwith startup.together():\n    "


@pytest.mark.parametrize(
    "failure, code, words",
    [
        ("from mmvae.errors import UserError; raise UserError('no room')", 2, "error: no room"),
        ("raise RuntimeError('torn')", 1, "RuntimeError: torn"),
    ],
)
def test_one_of_several_processes_ends_at_once_when_it_fails(failure, code, words):
    # `os._exit` also skips what is registered for the end, which would wait for the others.
    program = f"import atexit; atexit.register(print, 'waited')\n{SEVERAL}{failure}"
    done = started(program)
    assert done.returncode == code and words in done.stderr
    assert "waited" not in done.stdout


def test_a_single_process_fails_as_always():
    done = started("with startup.together():\n    raise RuntimeError('torn')")
    assert done.returncode == 1 and "Traceback" in done.stderr
