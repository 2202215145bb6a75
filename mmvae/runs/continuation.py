"""Whether a run may go on in its directory, and what it keeps there before its first step."""

from pathlib import Path

from mmvae import config as configs
from mmvae.errors import UserError
from mmvae.runs import directory

_COPIED = (directory.TOKENIZER, directory.CARD)


def check(workdir, config):
    """Refuse to mix two configurations or two data sets in one place.

    Raises:
        UserError: the directory holds a run with another configuration or data set.
    """
    path = workdir / directory.CONFIG
    if not path.exists():
        return
    if path.read_text() != configs.to_json(config):
        raise UserError(
            f"{workdir} holds a run with another configuration; type --workdir NEW for a new run, "
            f"or repeat the flags in {path} to continue that one."
        )
    # Token ids of another vocabulary have another meaning, though every shape may fit.
    if any(_copied(workdir, name) != _copied(config.data.dir, name) for name in _COPIED):
        raise UserError(
            f"{config.data.dir} is not what {workdir} was begun with: it was prepared anew; type "
            f"--workdir NEW for a new run."
        )


def prepare(workdir, plan):
    """Write what is copied from the plan, unless a run that resumes has it."""
    workdir.mkdir(parents=True, exist_ok=True)
    if (workdir / directory.CONFIG).exists():
        return
    for name in _COPIED:
        write_whole(workdir / name, _copied(plan.config.data.dir, name))
    # Last: where it is, the others are.
    write_whole(workdir / directory.CONFIG, configs.to_json(plan.config).encode())


def _copied(folder, name):
    return (Path(folder) / name).read_bytes()


def write_whole(path, content):
    """The whole file or none, whenever the process is killed."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
