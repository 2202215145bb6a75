"""What the documents name exists: files, links, modules, commands with their flags, fields."""

import importlib
import re

import pytest

from configs import base
from mmvae.config import fields
from support.places import ROOT

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = "mmvae|data_prep|configs|deploy|docs|tests"
by_name = pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.stem)


def absent(names: set[str]) -> set[str]:
    """Those of some paths that the repository has not, as they are or as a module."""
    return {n for n in names if not (ROOT / n).exists() and not (ROOT / f"{n}.py").exists()}


def commands(text: str) -> list[tuple[str, list[str]]]:
    """[(module, its flags)] of the commands in a text, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", text)
    lines = re.findall(r"python -m ((?:mmvae|data_prep)\.[a-z]+)\b([^\n`|]*)", text)
    return [(module, re.findall(r"(?<=\s)--[a-z][\w.-]*", rest)) for module, rest in lines]


@by_name
def test_paths_and_links_lead_somewhere(doc):
    text = doc.read_text()
    named = set(re.findall(rf"(?<![\w/.])((?:{PACKAGES})/[\w/.-]*\w)", text))
    assert absent(named) == set()
    links = {link for link in re.findall(r"\]\(([^)#\s,]+)[)#]", text) if "://" not in link}
    assert {link for link in links if not (doc.parent / link).exists()} == set()


@by_name
def test_modules_in_examples_exist(doc):
    modules = set(re.findall(r"\bfrom ((?:mmvae|data_prep|configs)[\w.]*) import", doc.read_text()))
    assert absent({module.replace(".", "/") for module in modules}) == set()


@by_name
def test_commands_know_the_flags_that_are_typed(doc, capsys):
    for module, flags in commands(doc.read_text()):
        own = {flag for flag in flags if not flag.startswith("--config.")}
        with pytest.raises(SystemExit):
            importlib.import_module(module).main(["--help"])
        known = set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))
        assert own - known == set(), module


@by_name
def test_fields_of_the_configuration_exist(doc):
    known = fields(base.get_config())
    named = set(re.findall(r"--config\.([\w.]*\w)", doc.read_text())) - {"field"}
    groups = {".".join(name.split(".")[:n]) for name in known for n in range(1, 6)}
    assert {name for name in named if name not in known and name not in groups} == set()
