"""The code keeps to the map: docs/architecture.md says which wing may import which, and the
docstring of a wing's `__init__` lists its files, each importing only those before it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.places import ROOT

MAP = (ROOT / "docs" / "architecture.md").read_text()
GROUND = ("mmvae.errors", "mmvae.files", "mmvae.config", "mmvae.command_line", "mmvae.__version__")
TENSORFLOW = ("tensorflow", "tensorflow_datasets")
LIGHT = "mmvae mmvae.config mmvae.command_line mmvae.reporting.comparing.page mmvae.sweeps.plan"
LIGHT += " mmvae.reporting.page mmvae.reporting.terminal data_prep"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(package: str) -> dict[str, str]:
    """{module: source} of a package, `__init__` under the package's own name."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {module_name(path): path.read_text() for path in paths}


def imported(source: str) -> set[str]:
    """Dotted names that source text imports, at its top or in a function."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def allowed(text: str) -> dict[str, set[str]]:
    """{wing: wings that it may import} of the table: its first and its last column."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `")]
    cells = [(re.findall(r"`(\w+)/`", row[0]), re.findall(r"`(\w+)`", row[-1])) for row in rows]
    return {wing[0]: set(others) for wing, others in cells if wing}


def listed(wing: str) -> list[str]:
    """The files of a wing in the order of its docstring: the names in backquotes."""
    text = ast.get_docstring(ast.parse((ROOT / wing / "__init__.py").read_text())) or ""
    return re.findall(r"`(\w+)`", text)


WINGS = allowed(MAP)
PACKAGES = [f"mmvae/{wing}" for wing in WINGS] + ["data_prep/sources", "data_prep/stages"]
PACKAGES += ["data_prep/sources/book", "data_prep/sources/published"]
PACKAGES += ["data_prep/output", "mmvae/web/tabs", "mmvae/reporting/comparing"]
PACKAGES += ["mmvae/evaluation/families", "data_prep/sources/tables", "mmvae/models/family"]
PACKAGES += ["mmvae/models/pictures"]


def strangers(wing: str, others: set[str], files: dict[str, str]) -> list[tuple[str, str]]:
    """Imports (module, name) of a wing's {module: source} that its row does not allow."""
    mine = (*GROUND, f"mmvae.{wing}", *(f"mmvae.{other}" for other in others))
    return [
        (module, name)
        for module, source in files.items()
        for name in imported(source)
        if within(name, "mmvae") and not any(within(name, package) for package in mine)
    ]


def backward(package: str, order: list[str], files: dict[str, str]) -> list[tuple[str, str]]:
    """Imports (module, name) inside a package that do not go to a file listed before."""
    place = {f"{package}.{name}": number for number, name in enumerate(order)}
    at = lambda name: next((p for p in place if within(name, p)), None)
    return [
        (module, name)
        for module, source in files.items()
        for name in imported(source)
        if at(module) and at(name) and at(module) != at(name)
        if place[at(name)] >= place[at(module)]
    ]


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_the_wings_of_its_row(wing):
    assert strangers(wing, WINGS[wing], sources(f"mmvae/{wing}")) == []


def test_the_rows_allow_no_circle():
    left, order = dict(WINGS), []
    while left:
        free = [wing for wing, others in left.items() if not others & set(left)]
        assert free, f"a circle among {sorted(left)}"
        order += free
        left = {wing: others for wing, others in left.items() if wing not in free}
    assert set(order) == {path.name for path in (ROOT / "mmvae").iterdir() if is_package(path)}


def is_package(path: Path) -> bool:
    return (path / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_inside_a_wing_imports_go_to_files_listed_before(package):
    order = listed(package)
    parts = {p.stem for p in (ROOT / package).iterdir() if p.suffix == ".py" or is_package(p)}
    assert sorted(order) == sorted(parts - {"__init__"}), "its docstring lists each file once"
    assert backward(package.replace("/", "."), order, sources(package)) == []


def test_what_goes_the_wrong_way_is_found():
    inside = {"mmvae.data.text": "def f():\n    from mmvae.data import records"}
    assert backward("mmvae.data", ["text", "records"], inside)
    assert not backward("mmvae.data", ["records", "text"], inside)
    assert strangers("data", {"machine"}, {"mmvae.data.text": "import mmvae.models.image"})
    assert not strangers("data", {"models"}, {"mmvae.data.text": "import mmvae.models.image"})


def test_nothing_imports_a_door():
    doors = {f"mmvae.{path.stem}" for path in (ROOT / "mmvae").glob("*.py")}
    doors -= {"mmvae.__init__", *GROUND}
    files = sources("mmvae") | sources("data_prep")
    users = {
        m for m, text in files.items() if any(within(n, d) for n in imported(text) for d in doors)
    }
    assert users - {"mmvae.__main__"} == set()


def test_data_preparation_shares_only_ground_and_data():
    names = {name for text in sources("data_prep").values() for name in imported(text)}
    used = {name for name in names if within(name, "mmvae")}
    shared = ("mmvae.errors", "mmvae.files", "mmvae.command_line", "mmvae.data")
    assert used, "data_prep and mmvae share the record schema"
    assert {name for name in used if not any(within(name, s) for s in shared)} == set()


def test_only_records_and_batches_import_tensorflow():
    heavy = lambda text: any(within(name, t) for name in imported(text) for t in TENSORFLOW)
    users = {module for module, text in sources("mmvae").items() if heavy(text)}
    assert users == {"mmvae.data.records", "mmvae.data.batches"}


def test_light_modules_load_neither_jax_nor_tensorflow():
    wings = " ".join(f"mmvae.{wing}" for wing in WINGS)
    program = (
        f"import sys, importlib\nfor name in {f'{LIGHT} {wings}'.split()}:\n"
        "    importlib.import_module(name)\n"
        "sys.exit(', '.join(n for n in ('jax', 'tensorflow') if n in sys.modules) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_code_is_formatted_and_clean():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", str(ROOT)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


NAMED = ("mmvae/data/batches.py",)  # in rooms that may name a modality, files that may not
ROOMS = ("data", "evaluation", "reporting", "web", "packaging")


def names_a_modality(source: str, names: tuple[str, ...]) -> list[int]:
    """Lines whose strings are the name of a modality, docstrings apart."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and node.value in names
    ]


def test_modalities_are_named_in_their_rooms_alone():
    kinds = tuple(
        re.findall(r"^KINDS = \{(.*)\}", (ROOT / "mmvae/data/modalities.py").read_text(), re.M)
    )
    names = tuple(re.findall(r'"(\w+)":', kinds[0]))
    assert {"image", "caption", "label"} <= set(names)
    found = {}
    for path in sorted((ROOT / "mmvae").rglob("*/*.py")):
        place = path.relative_to(ROOT / "mmvae")
        free = place.parts[0] in ROOMS or str(place) == "inference/pairs.py"
        kind = place.parts[0] == "models" and place.stem in names
        if not (free or kind) or f"mmvae/{place}" in NAMED:
            found[str(place)] = names_a_modality(path.read_text(), names)
    rows = found.pop("models/mmvae.py")
    assert len(rows) == len(names), "each kind has its row in MODALITIES, and is named nowhere else"
    assert {place: lines for place, lines in found.items() if lines} == {}
