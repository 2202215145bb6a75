"""The benchmark command: what it needs and what it refuses. Nothing here asserts a time."""

import json
import os
import subprocess
import sys

import pytest

from mmvae import benchmark, command_line
from support.compiling import QUICK
from support.places import ROOT

CONFIG = str(ROOT / "configs" / "base.py")
SMALL = "from support import tiny\n\ndef get_config():\n    return tiny.config().lock()\n"
# The import system as on a machine without TensorFlow: libraries may ask, and find nothing.
WITHOUT_TENSORFLOW = """
import importlib.machinery, sys

class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        missing = name.split(".")[0] in ("tensorflow", "tensorflow_datasets")
        return None if missing else super().find_spec(name, path, target)

sys.meta_path[:] = [Finder if "PathFinder" in str(f) else f for f in sys.meta_path]
from mmvae import benchmark, command_line
sys.exit(command_line.run(benchmark.main))
"""


def run_without_tensorflow(folder, *argv):
    """The finished process of the command on a tiny config, where TensorFlow is missing."""
    path = folder / "small.py"
    path.write_text(SMALL)
    quick = {"XLA_FLAGS": QUICK, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, "--config", str(path), *argv]
    return subprocess.run(
        command, cwd=folder, env=os.environ | quick, capture_output=True, text=True, check=False
    )


def refusal(capsys, *argv):
    """The one sentence with which the command refuses its flags."""
    assert command_line.run(benchmark.main, ["--config", CONFIG, *argv]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


# The whole command


def test_the_step_is_measured_without_tensorflow(tmp_path):
    out = tmp_path / "speed.json"
    done = run_without_tensorflow(
        tmp_path, "--seconds", "0.05", "--vocab-size", "20", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    assert "compiling the train step" in done.stderr and "arning" not in done.stderr
    result = json.loads(out.read_text())
    step, peak = result["step"], result["matmul"]["float32"]["flops_per_second"]
    assert result["recompilations"] == 0
    assert step["count"] >= 3
    assert 0 < step["lower"] <= step["seconds"] <= step["upper"]
    assert step["images_per_second"] == pytest.approx(8 / step["seconds"])
    assert step["flops_per_second"] == pytest.approx(step["flops"] / step["seconds"])
    assert step["mfu_percent"] == pytest.approx(100 * step["flops_per_second"] / peak)
    assert result["memory"]["peak_bytes"] > 2**20
    for name in ("first_step", "first_state"):
        assert set(result[name]) == {"cold_seconds", "warm_seconds"}
    assert "pipeline" not in result
    assert result["generation"]["pairs"] == 16
    assert result["generation"]["seconds"] > 0
    for label in (
        "step ",
        "images/s",
        "FLOPs",
        "peak",
        "MFU",
        "memory",
        "first step",
        "generation",
    ):
        assert f"\n{label}" in done.stdout


def test_a_data_set_without_tensorflow_is_refused_in_one_sentence(tmp_path):
    done = run_without_tensorflow(tmp_path, "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: --data needs TensorFlow")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--seconds", "0"], "--seconds 0 must be above 0"),
        (["--seconds", "nan"], "--seconds nan must be above 0"),
        (["--seconds", "soon"], "--seconds: invalid float value"),
        (["--vocab-size", "4"], "--vocab-size 4 must be at least 5"),
        (["--vocab-size", "9", "--data", "x"], "exclude each other"),
        (["--out", "no/such/folder/speed.json"], "the folder no/such/folder does not exist"),
        (["--data", "no/such/data"], "no/such/data"),
        (["--batch", "9"], "unknown flag --batch"),
        (["--config.model.dtype=float16"], "config.model.dtype=float16 must be one of"),
    ],
)
def test_wrong_flags_are_refused_in_one_sentence(capsys, argv, words):
    assert words in refusal(capsys, *argv)
