"""Command lines: flags, fields of a config file, and errors of one sentence.

A command is `main(argv) -> exit code or None`, ended with `sys.exit(command_line.run(main))`.
Its parser is a `Parser`, or a `ConfigParser` when it takes `--config FILE --config.field=value`.
"""

import argparse
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from absl import flags
from ml_collections import ConfigDict
from ml_collections.config_flags import config_flags

from mmvae import files
from mmvae.config import fields
from mmvae.errors import UserError, did_you_mean

_FLAG = re.compile(r"--?[A-Za-z]")  # and not a negative number
_OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]*)")
_REFUSED = re.compile(r"flag --config\.([^=]*)=(.*?): ", re.DOTALL)  # how absl words it
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", tuple: "a tuple"}
_WRITTEN = ("--out", "--csv", "--workdir")  # flags, the first that is given
_LIST_FIELDS = "--print-config lists all fields."
_CONFIG_HELP = """
fields of the configuration:
  Every field of the config file can be set on the command line, after --config:
    --config configs/base.py --config.train.batch_size=32 --config.data.augment=false
  --config FILE --print-config lists them all with their values and types.
"""


def run(main: Callable[[list[str]], int | None], argv: list[str] | None = None) -> int:
    """Exit code of the command `main(argv)`.

    It is 2, after one sentence on stderr, for a UserError, and for a disk that is full, read-only
    or gone.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        return main(argv) or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        sentence = told(error, argv)
        if sentence is None:
            raise
        # Names of files may hold what no text does.
        print(f"error: {sentence.encode(errors='backslashreplace').decode()}", file=sys.stderr)
        return 2


def told(error: Exception, argv: list[str]) -> str | None:
    """The sentence for an error that the user of a command line can put right, or None."""
    if isinstance(error, MemoryError):
        return f"not enough memory ({error}); ask for fewer or smaller things at once."
    return str(error) if isinstance(error, UserError) else files.refusal(error, _written(argv))


def _written(argv):
    """The flag that says where a command writes, as it was given."""
    words = [word for argument in argv for word in argument.split("=", 1)]
    values = dict(zip(words, words[1:]))
    flag = next((flag for flag in _WRITTEN if flag in values), None)
    return f"{flag} {values[flag]}" if flag else "the disk"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a UserError; flags cannot be shortened.

    `description` and `epilog` keep their line breaks, so that examples can be copied.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"formatter_class": argparse.RawDescriptionHelpFormatter} | kwargs
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """What argparse calls for a command line that it cannot read.

        Raises:
            UserError: always.
        """
        raise UserError(f"{message}; --help shows how to use this command.")

    def parse_args(
        self, args: list[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """The options that the flags set.

        Raises:
            UserError: a flag that nobody knows, or a value that its flag does not take.
        """
        options, rest = self.parse_known_args(args, namespace)
        self.refuse(rest)
        return options

    def parse_known_args(
        self, args: list[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does; flags may be written with underscores for their hyphens."""
        args = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._hyphened(arg) for arg in args], namespace)

    def _hyphened(self, argument):
        name, equals, value = argument.partition("=")
        spelled = name.replace("_", "-")
        known = name.startswith("--") and spelled in self._option_string_actions
        return spelled + equals + value if known else argument

    def refuse(self, arguments: Iterable[str]) -> None:
        """Take arguments that no flag took.

        Raises:
            UserError: there is one; it names the first.
        """
        for argument in arguments:
            if not _FLAG.match(argument):
                raise UserError(f"unexpected argument '{argument}'; write values as --flag=value.")
            name = argument.split("=")[0]
            hint = did_you_mean(name, self._option_string_actions)
            raise UserError(f"unknown flag {name}{hint} --help lists all flags.")


class ConfigParser(Parser):
    """A Parser with --config, --config.<field> and --print-config.

    `parse_args` sets `options.config` to the locked ConfigDict and `options.config_file` to its
    path; it exits after printing the fields when that is asked for.
    """

    def __init__(self, epilog: str = "", **kwargs: Any) -> None:
        super().__init__(epilog=epilog + _CONFIG_HELP, **kwargs)
        self.add_argument("--config", metavar="FILE", help="Python file with get_config (required)")
        self.add_argument(
            "--print-config", action="store_true", help="print every field of the config and exit"
        )

    def parse_args(
        self, args: list[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """The options, `config` and `config_file` among them.

        Raises:
            UserError: as in `Parser`, and for a config file or a field that cannot work.
        """
        args = sys.argv[1:] if args is None else args
        options, rest = self.parse_known_args(args, namespace)
        if options.config is None:
            raise UserError("--config is required: type, for example, --config configs/base.py.")
        self.refuse(arg for arg in rest if _FLAG.match(arg) and not _OVERRIDE.match(arg))
        config = load(options.config)
        before = fields(config)
        self.refuse(override(config, rest))
        options.config_file, options.config = options.config, config
        if options.print_config:
            print(describe(config, before))
            self.exit()
        return options


def load(path: str) -> ConfigDict:
    """The ConfigDict that `get_config()` of a Python file returns.

    For "FILE.py:TEXT" that is `get_config(TEXT)`: some configs start from a run directory.

    Raises:
        UserError: there is no such file, or an error in it.
    """
    path, colon, text = path.partition(".py:")
    path = _installed(path + ".py" * bool(colon))
    if not path.endswith(".py") or not Path(path).is_file():
        hint = did_you_mean(path, map(str, Path(path).parent.glob("[!_]*.py")))
        raise UserError(f"config file {path} does not exist or is not a .py file{hint}")
    try:
        spec = importlib.util.spec_from_file_location("config_file", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        wanted = list(inspect.signature(module.get_config).parameters)
        if len(wanted) != bool(colon):
            raise UserError(_usage(path, wanted))
        config = module.get_config(*[text] * bool(colon))
    except UserError:
        raise
    except Exception as error:
        raise UserError(_where_and_what(error, path)) from error
    if not isinstance(config, ConfigDict):
        raise UserError(f"get_config() of {path} must return a ConfigDict, not {config!r}.")
    return config


def _usage(path, wanted):
    """How a config file is named whose `get_config` wants these arguments."""
    return f"type --config {path}{''.join(f':{name.upper()}' for name in wanted)}"


def _installed(path):
    """`path`, or where there is no such file, the one installed with this code: `configs/base.py`
    is the same in every folder."""
    beside = Path(__file__).parents[1] / path
    return path if Path(path).exists() or not beside.is_file() else str(beside)


def override(config: ConfigDict, arguments: list[str]) -> list[str]:
    """Set fields of `config` from `--config.<field>=value` arguments and lock it.

    Returns the arguments left over.

    Raises:
        UserError: an unknown field, or a value of another type than the field has.
    """
    known = fields(config)
    for name in filter(None, map(_OVERRIDE.match, arguments)):
        _check_field(name[1], known)
    values = flags.FlagValues()  # not the global one: a command line leaves nothing behind
    try:
        config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=arguments)
        rest = values(["command", *arguments])[1:]
    except flags.Error as error:
        raise UserError(_refusal(str(error), known)) from error
    for path, value in config_flags.get_override_values(values["config"]).items():
        if value == "None":
            raise UserError(
                f"config.{path}=None would be the text 'None'; it is {known[path]!r} unless set."
            )
    return rest


def describe(config: ConfigDict, before: dict[str, Any]) -> str:
    """One line for each field: name, value, type, and its value in `before` where that differs."""
    lines = []
    for path, value in fields(config).items():
        note = "" if value == before[path] else f", overridden: {before[path]!r} in the file"
        lines.append(f"config.{path} = {value!r}  ({type(value).__name__}{note})")
    return "\n".join(lines)


def _check_field(path, known):
    if path in known:
        return
    inside = [name for name in known if name.startswith(f"{path}.")]
    if inside:
        example = f"--config.{inside[0]}={known[inside[0]]}"
        raise UserError(f"config.{path} is a group; set its fields one by one, such as {example}.")
    hint = did_you_mean(f"config.{path}", [f"config.{name}" for name in known], most=3)
    raise UserError(f"unknown field config.{path}{hint} {_LIST_FIELDS}")


def _refusal(message, known):
    """The sentence for absl's `message` about a value."""
    refused = _REFUSED.match(message)
    if not refused:
        return message.rstrip(".") + "."
    path, given = refused.groups()
    kind = _KINDS.get(type(known[path]), type(known[path]).__name__)
    return f"config.{path}={given} must be {kind}, such as --config.{path}={known[path]}."


def _where_and_what(error, path):
    """File, line and message of an error that came out of the config file at `path`."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}."
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == Path(path).absolute()]
    line = f":{lines[-1]}" if lines else ""
    cause = error.args[0] if error.args else ""
    cause = cause.args[0] if isinstance(cause, KeyError) else cause  # as ml_collections wraps it
    return f"{path}{line}: {type(error).__name__}: {' '.join(str(cause).split())}"
