"""Runs copied file by file."""


def copy(source, target, without=()):
    """Copy a run's small files."""
    for path in source.iterdir():
        if path.is_file() and path.name not in without:
            (target / path.name).write_bytes(path.read_bytes())
