"""The code keeps one dialect and its limits: annotations, docstrings, sizes, the share of tests."""

import ast
import functools
import graphlib
from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest

from support.places import ROOT
from test_architecture import WINGS, imported, sources

PACKAGES = ("mmvae", "data_prep", "configs")
PARTS = [*(f"mmvae/{wing}" for wing in WINGS), *PACKAGES]
COPIED_OUT = "mmvae.packaging.run"  # a program for machines without jaxtyping
ARRAYS = ("np.ndarray", "jax.Array", "jnp.ndarray", "Array")
LONGEST_FUNCTION, LONGEST_CLASS = 60, 180  # lines
VAGUE = ("found", "asked", "told", "made", "gotten")
ROOT_FILES, FOLDER_FILES = 15, 17
LEAST_TESTS = 0.65  # lines of tests a line of code
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[tuple[str, Function, str]]:
    """(name, node, docstring) of a module's public functions and its public classes' methods.

    `__init__` and its like, and Flax's `setup`, are described by the docstring of their class.
    """
    for node in ast.iter_child_nodes(tree):
        if getattr(node, "name", "_").startswith("_"):
            continue
        if isinstance(node, Function):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef):
            for method in (part for part in node.body if isinstance(part, Function)):
                special = method.name.startswith("__") or method.name == "setup"
                if special or not method.name.startswith("_"):
                    described = ast.get_docstring(node if special else method) or ""
                    yield f"{node.name}.{method.name}", method, described


def annotations(function: Function) -> list[tuple[str, ast.expr | None]]:
    """(argument, annotation or None) of a function, `return` the last."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    named = [(arg.arg, arg.annotation) for arg in every if arg and arg.arg not in ("self", "cls")]
    return [*named, ("return", function.returns)]


def not_annotated(module: str, tree: ast.AST) -> Iterator[str]:
    for name, function, _ in functions(tree):
        for argument, annotation in annotations(function):
            if annotation is None:
                yield f"{name}: {argument} has no annotation"


def without_shape(module: str, tree: ast.AST) -> Iterator[str]:
    """Arrays that are annotated without their shape; shapes that cannot be read."""
    for name, function, _ in functions(tree):
        for argument, annotation in annotations(function):
            bare = any(ast.unparse(node) in ARRAYS for node in outside_shapes(annotation))
            if bare and module != COPIED_OUT:
                yield f"{name}: {argument} is an array, of what shape?"
    for node in ast.walk(tree):
        if is_shaped(node) and not is_readable(node):
            yield f"line {node.lineno}: {ast.unparse(node)} is no shape"


def outside_shapes(annotation: ast.expr | None) -> Iterator[ast.AST]:
    """Nodes of an annotation, but not those inside an array with its shape."""
    if annotation is None or is_shaped(annotation):
        return
    yield annotation
    for child in ast.iter_child_nodes(annotation):
        yield from outside_shapes(child)


def is_shaped(node: ast.AST) -> bool:
    """Whether a node is Kind[...] with a kind of array of jaxtyping."""
    kind = getattr(node.value, "id", "") if isinstance(node, ast.Subscript) else ""
    return hasattr(getattr(jaxtyping, kind, None), "dtypes")


def is_readable(node: ast.Subscript) -> bool:
    """Whether Kind[Array, "shape"] is a type of jaxtyping and each axis a name or a formula."""
    try:
        array, shape = node.slice.elts
        getattr(jaxtyping, node.value.id)[np.ndarray, shape.value]
        for axis in shape.value.replace("...", "").split():
            compile(axis.lstrip("*#?"), "axis", "eval")
    except (AttributeError, ValueError, SyntaxError):
        return False
    return ast.unparse(array) in ARRAYS


def not_described(module: str, tree: ast.AST) -> Iterator[str]:
    for name, function, described in functions(tree):
        if not described:
            yield f"{name} has no docstring"
        elif raises_user_error(function) and "Raises:" not in described:
            yield f"{name} raises UserError; its docstring lacks Raises:"


def raises_user_error(function: Function) -> bool:
    """Whether a function itself raises UserError, not one that it calls."""
    raised = [n.exc for n in ast.walk(function) if isinstance(n, ast.Raise) and n.exc]
    return any(ast.unparse(exception).startswith("UserError(") for exception in raised)


def too_long(module: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        most = {ast.ClassDef: LONGEST_CLASS, ast.FunctionDef: LONGEST_FUNCTION}.get(type(node))
        lines = most and node.end_lineno - node.lineno + 1
        if most and lines > most:
            yield f"{node.name} has {lines} lines, more than {most}"


def vaguely_named(module: str, tree: ast.AST) -> Iterator[str]:
    """Names that say how a value came about, not what it is."""
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else getattr(node, "arg", None)
        if name in VAGUE and not isinstance(getattr(node, "ctx", None), ast.Load):
            yield f"line {node.lineno}: what is {name}?"


RULES = {
    "annotated": not_annotated,
    "shapes": without_shape,
    "described": not_described,
    "short": too_long,
    "named": vaguely_named,
}


def part_of(module: str) -> str:
    """The part that a module belongs to: a wing, the doors, data_prep or configs."""
    package, _, rest = module.partition(".")
    wing = f"{package}/{rest.partition('.')[0]}"
    return wing if wing in PARTS else package


@functools.cache
def trees(part: str) -> dict[str, ast.Module]:
    files = sources(part.split("/")[0])
    return {m: ast.parse(source) for m, source in files.items() if part_of(m) == part}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("rule", RULES)
def test_a_part_keeps_the_rule(rule, part):
    broken = [f"{m}: {words}" for m, tree in trees(part).items() for words in RULES[rule](m, tree)]
    assert not broken, "\n".join(broken)


def test_each_rule_finds_what_breaks_it():
    refusing = "    '''Refuses.'''\n    raise UserError('no')\n"
    source = "def undone(x): return x\n"
    source += "def shapeless(x: np.ndarray) -> Float[Array, 'B (']:\n" + refusing
    source += "found = 1\n"
    source += "class Long:\n    '''Of many lines.'''\n" + "    x = 1\n" * LONGEST_CLASS
    broken = {rule: list(found("m", ast.parse(source))) for rule, found in RULES.items()}
    assert {rule: len(words) for rule, words in broken.items()} == {
        "annotated": 2,
        "shapes": 2,
        "described": 2,
        "short": 1,
        "named": 1,
    }


def test_folders_hold_few_files():
    packages = [ROOT / package for package in PACKAGES]
    count = {f: len(list(f.glob("*.py"))) for p in packages for f in (p, *p.rglob("*/"))}
    assert count.pop(ROOT / "mmvae") <= ROOT_FILES
    assert {str(folder): files for folder, files in count.items() if files > FOLDER_FILES} == {}


def test_no_imports_go_in_a_circle():
    files = {module: text for package in PACKAGES for module, text in sources(package).items()}
    graph = {
        module: {name if name in files else name.rpartition(".")[0] for name in imported(source)}
        for module, source in files.items()
    }
    within = {module: names & set(files) - {module} for module, names in graph.items()}
    list(graphlib.TopologicalSorter(within).static_order())  # raises CycleError


def test_tests_are_long_enough():
    assert lines("tests") / sum(map(lines, PACKAGES)) >= LEAST_TESTS


def lines(folder: str) -> int:
    return sum(len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py"))
