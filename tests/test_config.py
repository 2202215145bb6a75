"""Configurations, their checks, and the command line that changes them."""

import ast
import errno
import fnmatch
import functools
import json
from argparse import Namespace
from importlib import import_module
from inspect import signature

import pytest
from ml_collections import ConfigDict

from configs import base
from mmvae import command_line, config
from mmvae.errors import UserError
from mmvae.training import checks
from support.places import ROOT

BASE = str(ROOT / "configs" / "base.py")
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("[!_]*.py"))


def changed(**values):
    """The base configuration with fields set; "__" stands for "."."""
    changed = base.get_config().lock()
    changed.update_from_flattened_dict(
        {path.replace("__", "."): value for path, value in values.items()}
    )
    return changed


def parse(argv):
    """Options of a command like the one that trains."""
    parser = command_line.ConfigParser(prog="train", description="Trains.", epilog="example: X\n")
    parser.add_argument("--workdir", help="where the run is kept")
    return parser.parse_args(argv)


def refusal(capsys, *argv):
    """The one sentence on stderr with which a command line is refused."""
    assert command_line.run(parse, list(argv)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.removeprefix("error: ").strip()


# Every configuration


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_is_valid_and_has_exactly_the_fields_of_base(name, tmp_path):
    get_config = import_module(f"configs.{name}").get_config
    (tmp_path / "config.json").write_text(config.to_json(base.get_config()))
    built = get_config(*[str(tmp_path)] * len(signature(get_config).parameters))
    checks.validate(built)
    assert field_types(built) == field_types(base.get_config())


def field_types(of):
    """{field: type}, but for modalities that the base configuration lacks."""
    added = set(of.model.modalities) - set(base.get_config().model.modalities)
    fields = config.fields(of).items()
    return {path: type(x) for path, x in fields if not added & set(path.split("."))}


def attribute_chains():
    """Reads of attributes in `mmvae`, such as ("config", "train", "epochs")."""
    files = [file for file in (ROOT / "mmvae").rglob("*.py") if file.name != "config.py"]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    return {chain(node) for node in nodes if isinstance(node, ast.Attribute)}


def chain(node):
    if isinstance(node, ast.Attribute):
        return (*chain(node.value), node.attr)
    return (node.id,) if isinstance(node, ast.Name) else ("?",)


def unread(fields, chains):
    """Fields read neither behind their group's name nor from a group under another name."""
    groups = {name for path in fields for name in path.split(".")[:-1]}
    behind_group = {names[-2:] for names in chains}
    alone = {names[1] for names in chains if len(names) == 2 and names[0] not in groups}
    found = []
    for path in fields:
        parts = ("config", *path.split("."))
        by_key = parts[-3:-1] in {
            ("data", "shares"),
            ("loss", "cross"),
            ("loss", "subsets"),
            ("loss", "weights"),
        }  # by modality or kind
        in_group = len(parts) > 2 and parts[-1] in alone
        if not (by_key or in_group or parts[-2:] in behind_group):
            found.append(path)
    return found


def test_a_config_that_starts_from_a_run_is_named_with_it(capsys, tmp_path):
    from_run = str(ROOT / "configs" / "finetune_style.py")
    assert refusal(capsys, "--config", from_run) == f"type --config {from_run}:RUN"
    assert refusal(capsys, "--config", f"{BASE}:runs/a") == f"type --config {BASE}"
    missing = refusal(capsys, "--config", f"{from_run}:{tmp_path}")
    assert missing == f"{tmp_path} is not a run directory: it has no config.json"
    (tmp_path / "config.json").write_text(config.to_json(base.get_config()))
    assert command_line.load(f"{from_run}:{tmp_path}").init.from_run == str(tmp_path)


def test_every_field_is_read_somewhere():
    assert unread(config.fields(base.get_config()), attribute_chains()) == []


def test_a_field_that_nobody_reads_is_found():
    made_up = ["made_up", "train.made_up", "model.modalities.image.made_up"]
    assert unread(made_up, attribute_chains()) == made_up
    reads = {("config", "train", "epochs"), ("spec", "width")}
    fields = ["train.epochs", "eval.epochs", "model.prior.width"]
    assert unread(fields, reads) == ["eval.epochs"]


# JSON


def test_json_round_trip_keeps_everything_and_locks():
    original = changed(train__epochs=3)
    with original.unlocked():
        original.betas = ((0.5, 1), "grün")
    restored = config.from_json(config.to_json(original))
    assert restored.to_dict() == original.to_dict()
    assert restored.is_locked
    assert isinstance(restored.train.epochs, int)


def test_fields_added_since_are_filled_in_with_what_was_done_before():
    complete = base.get_config()
    added = {
        path: value
        for path in config.fields(complete)
        for pattern, value in config.ADDED.items()
        if fnmatch.fnmatch(path, pattern)
    }
    stored = complete.to_dict()
    for path in added:
        *groups, name = path.split(".")
        del functools.reduce(dict.__getitem__, groups, stored)[name]
    filled = config.fields(config.from_json(json.dumps(stored)))
    assert {path: filled[path] for path in added} == added
    assert filled.keys() == config.fields(complete).keys()


@pytest.mark.parametrize("text", ["{", "[1]", "3", b'{"name": "\xff"}'])
def test_json_of_something_else_is_refused(text):
    with pytest.raises(config.ConfigError, match="stored configuration cannot be read"):
        config.from_json(text)


# The command line


def test_fields_are_set_in_both_spellings_and_the_config_is_locked():
    options = parse(
        ["--config.train.epochs=3", "--config", BASE, "--workdir", "run", "--noconfig.data.augment",
         "--config.optimizer.learning_rate", "1", "--config.name=a name=x"]
    )  # fmt: skip
    assert options.config == changed(
        train__epochs=3, data__augment=False, optimizer__learning_rate=1.0, name="a name=x"
    )
    assert options.config.is_locked
    assert options.workdir == "run"


def test_one_command_line_leaves_nothing_for_the_next():
    parse(["--config", BASE, "--config.train.epochs=3"])
    assert parse(["--config", BASE]).config == changed()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--config.train.batchsize=3",
            "unknown field config.train.batchsize; did you mean config.train.batch_size or ",
        ),
        ("--config.batch_size=3", "or config.train.batch_size"),
        ("--config.qqqqqqqqqqq=3", "config.qqqqqqqqqqq. --print-config lists all fields."),
        (
            "--config.train.epochs=abc",
            "config.train.epochs=abc must be a whole number, such as --config.train.epochs=100.",
        ),
        ("--config.train.epochs=1.5", "config.train.epochs=1.5 must be a whole number, such as "),
        ("--config.loss.free_bits=x", "config.loss.free_bits=x must be a number, such as "),
        ("--config.data.augment=no", "config.data.augment=no must be true or false, such as "),
        ("--config.train.epochs", "Missing value for flag --config.train.epochs."),
        ("--config.seed=None", "config.seed=None must be a whole number, such as --config.seed=0."),
        ("--config.name=None", "config.name=None would be the text 'None'; it is 'engravings'"),
        ("--config.train=None", "config.train is a group; set its fields one by one, such as "),
        ("--config.train={'epochs': 3}", "config.train is a group; set its fields one by one"),
        ("--workdirr=x", "unknown flag --workdirr; did you mean --workdir? --help lists "),
        ("--work=x", "unknown flag --work"),
        ("stray", "unexpected argument 'stray'; write values as --flag=value."),
        ("--workdir", "argument --workdir: expected one argument; --help shows "),
    ],
)
def test_a_wrong_argument_is_one_sentence(capsys, argument, message):
    assert message in refusal(capsys, "--config", BASE, argument)


def test_a_missing_config(capsys):
    assert "type, for example, --config configs/base.py" in refusal(capsys, "--workdir=x")


def test_a_config_file_that_is_not_there(capsys):
    wrong = str(ROOT / "configs" / "bose.py")
    assert f"{wrong} does not exist" in refusal(capsys, "--config", wrong)
    assert f"did you mean {BASE}?" in refusal(capsys, "--config", wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:", ":1: invalid syntax."),
        ("\n\nimport no_such_module", ":3: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def get_config():\n    raise ValueError('two\\nlines')", ":2: ValueError: two lines"),
        ("x = 1", ": AttributeError: module 'config_file' has no attribute 'get_config'"),
        ("def get_config():\n    return {}", " must return a ConfigDict, not {}."),
        (
            "from configs import base\ndef get_config():\n    config = base.get_config()\n"
            "    config.trian.epochs = 3",
            """:4: AttributeError: 'trian' Did you mean "train" instead of "trian"?""",
        ),
    ],
)
def test_an_error_in_the_config_file(capsys, tmp_path, text, message):
    file = tmp_path / "own.py"
    file.write_text(text)
    found = refusal(capsys, "--config", str(file))
    assert str(file) in found
    assert found.endswith(message)


def test_print_config_shows_every_field_and_marks_what_was_set(capsys):
    with pytest.raises(SystemExit) as ending:
        parse(["--config", BASE, "--config.train.batch_size=32", "--print-config"])
    lines = capsys.readouterr().out.splitlines()
    assert ending.value.code == 0
    assert "config.train.batch_size = 32  (int, overridden: 256 in the file)" in lines
    assert "config.train.epochs = 100  (int)" in lines
    assert len(lines) == len(config.fields(base.get_config()))


def test_help_names_examples_and_print_config(capsys):
    with pytest.raises(SystemExit) as ending:
        parse(["--help"])
    text = capsys.readouterr().out
    assert ending.value.code == 0
    for part in ("example: X\n", "--workdir", "--print-config lists", "--config.train."):
        assert part in text


def test_run_passes_on_success_and_everything_that_is_not_the_users_fault(capsys):
    assert command_line.run(lambda argv: None, []) == 0
    assert command_line.run(lambda argv: len(argv), ["a", "b"]) == 2
    assert command_line.run(failing(UserError("Say so.")), []) == 2
    assert capsys.readouterr().err == "error: Say so.\n"
    assert command_line.run(failing(KeyboardInterrupt()), []) == 130
    with pytest.raises(ValueError, match="a bug"):
        command_line.run(failing(ValueError("a bug")), [])


def failing(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    ("argv", "place"),
    [
        (["--workdir=runs/a", "--out", "b"], "--out b"),
        (["--workdir", "runs/a"], "--workdir runs/a"),
        (["runs/a", "--csv=c=d"], "--csv c=d"),
        ([], "the disk"),
    ],
)
def test_a_full_disk_is_one_sentence_that_says_where(capsys, argv, place):
    full = failing(OSError(errno.ENOSPC, "No space left on device"))
    assert command_line.run(full, argv) == 2
    told = capsys.readouterr().err
    assert told == (
        f"error: {place}: no space left on device; free some space, or name another place.\n"
    )


def test_too_little_memory_is_one_sentence(capsys):
    assert command_line.run(failing(MemoryError("Unable to allocate 119. GiB")), []) == 2
    told = "error: not enough memory (Unable to allocate 119. GiB); ask for fewer or smaller things"
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize("flag", ["--dry-run", "--dry_run"])
def test_flags_have_hyphens_and_underscores_are_understood(flag):
    parser = command_line.Parser(prog="train")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--vocab-size", type=int)
    assert parser.parse_args([flag, "--vocab_size=9"]) == Namespace(dry_run=True, vocab_size=9)
    assert "dry_run" not in parser.format_help()
    with pytest.raises(UserError, match="unknown flag --dry_ran; did you mean --dry-run?"):
        parser.parse_args(["--dry_ran"])


def test_values_keep_their_underscores():
    parser = command_line.Parser(prog="train")
    parser.add_argument("--out")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(["--out=a_b", "_h", "x_y"])
    assert options == Namespace(out="a_b", names=["_h", "x_y"])


def test_a_list_in_a_config_is_refused_in_one_line():
    with pytest.raises(UserError) as error:
        command_line.override(ConfigDict({"sizes": [1, 2]}), ["--config.sizes=3"])
    assert "\n" not in str(error.value)
