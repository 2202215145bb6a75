"""Settings that must stand before JAX and Hypothesis start."""

import os
import subprocess
import sys
from pathlib import Path

from support.compiling import QUICK
from support.skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401
from support.workers import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

CACHE = Path(__file__).parents[1] / ".pytest_cache"

# Four CPU devices, so that every run of the tests reduces over several.
os.environ["XLA_FLAGS"] = " ".join(
    [os.environ.get("XLA_FLAGS", ""), "--xla_force_host_platform_device_count=4", QUICK]
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"  # a silent one is often a mistake
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Compiled programs are kept from one run of the tests to the next.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(CACHE / "hypothesis"))

import hypothesis  # noqa: E402
import pytest  # noqa: E402

# The same examples every time; a first example pays for compilation.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("steady")


MANY_MAPS = 20_000  # of the 65,530 that vm.max_map_count allows a process by default


@pytest.fixture(scope="module", autouse=True)
def few_programs():
    """Forget compiled programs once there are many: each holds memory maps, and a process that
    runs out of them crashes inside XLA."""
    yield
    maps = Path("/proc/self/maps")
    if "jax" in sys.modules and maps.exists() and maps.read_bytes().count(b"\n") > MANY_MAPS:
        sys.modules["jax"].clear_caches()


@pytest.fixture(scope="session")
def tiny_model():
    """(config, model, parameters) of `tiny.py`; nobody changes them."""
    from support import tiny

    config = tiny.config().lock()
    return config, tiny.model(config), tiny.params(config)


@pytest.fixture(scope="session")
def labelled_model():
    """As `tiny_model`, with a label as its third modality."""
    from support import tiny

    config = tiny.with_label().lock()
    return config, tiny.model(config), tiny.params(config)


@pytest.fixture(scope="session")
def sprites_dataset(tmp_path_factory):
    """A prepared data set: 80 engraved sprites of level 1, 32 pixels."""
    from data_prep.prepare import main

    out = tmp_path_factory.mktemp("data") / "sprites"
    flags = "--num-pairs 80 --image-size 32 --val-fraction 0.2 --test-fraction 0.1 --workers 1"
    assert main(["--source", "sprites:1", "--out", str(out), *flags.split()]) == 0
    return out


@pytest.fixture(scope="session")
def sprites_run(sprites_dataset, tmp_path_factory):
    """A run of one epoch over those sprites; nobody changes it."""
    from mmvae.training.loop import train
    from support import tiny

    workdir = tmp_path_factory.mktemp("sprites") / "run"
    settings = {
        "data__dir": str(sprites_dataset),
        "data__image_size": 32,
        "data__channels": 3,
        "train__epochs": 1,
        "train__batch_size": 16,
        "wandb__mode": "disabled",
    }
    assert train(tiny.config(**settings).lock(), workdir) == 0
    return workdir


@pytest.fixture(scope="session")
def driven(tmp_path_factory):
    """The folder of the short runs of driven_runs.py, by the name of their condition."""
    folder = tmp_path_factory.mktemp("driven")
    root = Path(__file__).parents[1]
    environment = os.environ | {"XLA_FLAGS": QUICK, "PYTHONPATH": f"{root}:{root / 'tests'}"}
    command = [sys.executable, str(root / "tests" / "support" / "driven_runs.py"), str(folder)]
    log = folder / "log.txt"
    with log.open("w") as out:
        done = subprocess.run(command, env=environment, cwd=root, stdout=out, stderr=out)
    assert done.returncode == 0, log.read_text()[-3000:]
    return folder
