"""Runs copied file by file."""

import json


def copy(source, target, without=()):
    """Copy a run's small files."""
    for path in source.iterdir():
        if path.is_file() and path.name not in without:
            (target / path.name).write_bytes(path.read_bytes())


def variants(driven, tmp_path, changes):
    """Copies of a healthy run whose configurations differ by {name: {field: value}}."""
    folders = []
    for name, fields in changes.items():
        folder = tmp_path / name
        folder.mkdir()
        copy(driven / "healthy", folder)
        config = json.loads((folder / "config.json").read_text())
        for field, value in fields.items():
            *groups, last = field.split(".")
            inner = config
            for group in groups:
                inner = inner[group]
            inner[last] = value
        (folder / "config.json").write_text(json.dumps(config))
        folders.append(folder)
    return folders
