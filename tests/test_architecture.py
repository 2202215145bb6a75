"""The imports of the code follow the table in docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "architecture.md").read_text()
HEAVY = ("jax", "tensorflow")


def test_the_code_is_formatted_and_clean():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", str(ROOT)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(package):
    """{module: path} of a package, `__init__` under the package's own name."""
    return {module_name(path): path for path in sorted((ROOT / package).rglob("*.py"))}


def imported(source):
    """Dotted names that source text imports, at its top or in a function."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name, package):
    return name == package or name.startswith(f"{package}.")


def rows(table):
    """The units of each row of the table: `text.py` is "mmvae.text", `models/` "mmvae.models"."""
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    names = [re.findall(r"`(\w+)(?:\.py|/)`", cell) for cell in cells]
    return [[f"mmvae.{name}" for name in row] for row in names]


def model_order(table):
    """The modules of `models/`, in the order in which its row names them."""
    row = next(line for line in table.splitlines() if line.startswith("| `models/`"))
    return [f"mmvae.models.{name}" for name in re.findall(r"`(\w+)`", row.split("|")[2])]


def unit(name, units):
    """The unit of `units` that a module belongs to, or None."""
    return next((u for u in units if within(name, u)), None)


def backward(order, sources):
    """Imports (module, name) that do not go up: {module: source}, a list of rows of units."""
    place = {u: number for number, row in enumerate(order) for u in row}
    found = []
    for module, source in sources.items():
        own = unit(module, place)
        for name in imported(source):
            other = unit(name, place)
            if own and other and own != other and place[other] >= place[own]:
                found.append((module, name))
    return found


def sources(package):
    return {name: path.read_text() for name, path in modules(package).items()}


def test_modules_import_only_from_rows_above():
    assert backward(rows(TABLE), sources("mmvae")) == []


def test_models_import_only_from_models_named_before_them():
    assert backward([[name] for name in model_order(TABLE)], sources("mmvae/models")) == []


def test_an_import_that_goes_down_is_found():
    order = [["mmvae.text"], ["mmvae.data"], ["mmvae.models", "mmvae.train"]]
    inside = "def f():\n    from mmvae.data import batches"
    assert backward(order, {"mmvae.text": inside}) == [("mmvae.text", "mmvae.data.batches")]
    assert backward(order, {"mmvae.train": "from mmvae import models"})
    assert not backward(order, {"mmvae.train": inside})
    assert not backward(order, {"mmvae.models.image": "import mmvae.models.layers"})


def test_every_module_is_in_the_table():
    units = {".".join(name.split(".")[:2]) for name in modules("mmvae") if "." in name}
    assert units - {name for row in rows(TABLE) for name in row} == set()
    models = set(modules("mmvae/models")) - {"mmvae.models"}
    assert models - set(model_order(TABLE)) == set()


def test_everything_in_the_table_exists():
    named = {name for row in rows(TABLE) for name in row} | set(model_order(TABLE))
    assert named - set(modules("mmvae")) == set()


def test_data_preparation_shares_only_formats():
    shared = tuple(
        f"mmvae.{n}" for n in ("errors", "text", "sprites", "pictures", "contact_sheet", "records")
    )
    names = {n for source in sources("data_prep").values() for n in imported(source)}
    used = {name for name in names if within(name, "mmvae")}
    assert used, "data_prep and mmvae share the record schema"
    assert {name for name in used if not unit(name, shared)} == set()


def test_only_records_and_data_import_tensorflow():
    names = ("tensorflow", "tensorflow_datasets")
    users = {m for m, s in sources("mmvae").items() if any(unit(n, names) for n in imported(s))}
    assert users == {"mmvae.records", "mmvae.data"}


def test_light_modules_load_neither_jax_nor_tensorflow():
    program = (
        "import sys, mmvae, mmvae.config, mmvae.command_line\n"
        f"sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules) or None)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
