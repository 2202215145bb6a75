"""The wheel: one `mmvae` command that works outside the repository."""

import os
import shutil
import subprocess
import sys

import pytest

from mmvae import __main__ as entry
from mmvae.errors import UserError
from support.places import ROOT

PACKAGES = ("mmvae", "data_prep", "configs")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel installed in it, without dependencies; this repository is unseen."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    for name in PACKAGES:  # a copy: building leaves folders behind
        shutil.copytree(ROOT / name, folder / "source" / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--quiet", "-w", folder, folder / "source"]
    done = subprocess.run(build, capture_output=True, text=True)
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no package index within reach: the wheel's build needs setuptools")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--quiet", "--target", target, wheel], check=True)
    return target


def outside(installed, *command):
    """A finished process of an installed command, in another folder than the repository."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, installed / "bin" / "mmvae", *command],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_every_module_and_what_they_read(installed):
    wanted = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".md")
    }
    assert {path for path in wanted if not (installed / path).exists()} == set()


def test_commands_work_outside_the_repository(installed):
    listed = outside(installed, "--help")
    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in entry.COMMANDS)
    fields = outside(installed, "train", "--config", "configs/quickstart.py", "--print-config")
    assert fields.returncode == 0, fields.stderr
    assert "config.train.batch_size" in fields.stdout


@pytest.mark.parametrize("name", entry.COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        entry.main([name, "--help"])
    assert stop.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_a_mistyped_command_gets_one_sentence():
    with pytest.raises(UserError, match="did you mean train?"):
        entry.main(["trian"])
