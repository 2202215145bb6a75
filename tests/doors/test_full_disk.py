"""A place that takes nothing: every command that writes says so in one sentence and ends with 2.

Where nothing can be mounted, a limit on the size of files stands for the full disk.
"""

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_prep import prepare
from mmvae import command_line, demo, evaluate, export, generate, main, report, sweep
from support import earlier_runs
from support.places import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:Error writing persistent compilation cache")
CONFIG = str(ROOT / "configs" / "quickstart.py")
ROOM = 512 * 1024  # bytes
SPRITES = "--source sprites:1 --num-pairs 80 --image-size 32 --workers 1".split()
RUN = ["--workdir", "finished"]
SETTINGS = ["--config", "config.py"]
COMMANDS = {  # what to run, with {} for a place on the disk
    "prepare": (prepare.main, [*SPRITES, "--out", "{}/set"]),
    "train": (main.main, [*SETTINGS, "--workdir", "{}/run"]),
    "evaluate": (evaluate.main, [*RUN, "--metrics", "losses", "--out", "{}/evaluation.json"]),
    "generate": (generate.main, [*RUN, "--num", "1", "--out", "{}/new"]),
    "report": (report.main, ["finished", "--out", "{}/report.html"]),
    "report --csv": (report.main, ["finished", "--csv", "{}/metrics.csv"]),
    "sweep": (sweep.main, [*SETTINGS, "--grid", "train.epochs=1,2", "--out", "{}/sweep"]),
    "export": (export.main, [*RUN, "--out", "{}/package"]),
}


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small file system of its own; None where nothing can be mounted."""
    folder = tmp_path_factory.mktemp("small")
    mounted = os.geteuid() == 0 and mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder)
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(autouse=True, scope="module")
def here(tmp_path_factory):
    """The runs of an earlier version in the current folder, and a config that continues one."""
    before = os.getcwd()
    os.chdir(earlier_runs.unpack(tmp_path_factory.mktemp("earlier")))
    Path("config.py").write_text(
        "from mmvae import config\n\n\ndef get_config():\n    return config.of_run('finished')\n"
    )
    yield
    os.chdir(before)


@pytest.fixture(autouse=True)
def settings_of_jax():
    """Commands set up a cache of their own."""
    import jax

    names = (
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@contextmanager
def full(place, tmp_path, left=0):
    """A folder where `left` bytes can be written."""
    if place is None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
        try:
            yield tmp_path
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    filler = place / "filler"
    filler.write_bytes(bytes(ROOM - left))
    try:
        yield place
    finally:
        for path in place.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def refusal(capsys, name, folder):
    """The one sentence with which a command ends."""
    command, flags = COMMANDS[name]
    argv = [flag.format(folder) for flag in flags]
    capsys.readouterr()
    assert command_line.run(command, argv) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name, place, tmp_path, capsys):
    with full(place, tmp_path) as folder:
        told = refusal(capsys, name, folder)
    assert str(folder) in told
    assert "no space left on device" in told or "file too large" in told


@pytest.mark.parametrize("name", ["evaluate", "report", "report --csv"])
def test_a_file_that_does_not_fit_leaves_the_old_one(name, place, tmp_path, capsys):
    # A page for the old file; or eight bytes for any.
    with full(place, tmp_path, left=4096 if place else 8) as folder:
        old = Path(COMMANDS[name][1][-1].format(folder))
        old.write_text("old")
        told = refusal(capsys, name, folder)
        assert set(os.listdir(folder)) <= {"filler", old.name}, "nothing half written is left"
        assert old.read_text() == "old"
    assert f"{old}: " in told or f" {old}: " in told


def test_a_disk_that_is_full_when_the_records_are_written(place, tmp_path, capsys):
    """By then TensorFlow writes, and has errors of its own."""
    with full(place, tmp_path, left=ROOM - 4096) as folder:
        told = refusal(capsys, "prepare", folder)
        assert set(os.listdir(folder)) <= {"filler"}, "nothing half written is left"
    assert "no space left on device" in told or "file too large" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_disk(name, place, capsys):
    if place is None:
        pytest.skip("nothing can be mounted here")
    assert mount("-o", "remount,ro", place)
    try:
        told = refusal(capsys, name, place)
    finally:
        assert mount("-o", "remount,rw", place)
    assert str(place) in told and "read-only file system" in told


def test_a_demo_without_a_place_for_uploads(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert command_line.run(demo.main, RUN) == 2
    assert "gone" in capsys.readouterr().err
