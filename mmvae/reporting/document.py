"""What all reports share as files: their formats, their templates, pictures beside Markdown."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmvae.errors import UserError
from mmvae.files import write_whole
from mmvae.reporting import curves, samples

FORMATS = (".html", ".md")
_CODE = re.compile(r"--[\w.=-]*[\w]|python -m [\w.]*\w")


def checked(out: str | Path) -> Path:
    """`out` as a path that can be written to as a report.

    Raises:
        UserError: another ending, or a folder that does not exist.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise UserError(f"--out {out} must end in .html or .md, such as report.html.")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    return out


def write(
    out: str | Path,
    template: str,
    content: dict[str, Any],
    pictures: Callable[[dict[str, Any]], dict[str, bytes]],
) -> None:
    """Write a report as HTML, which holds its pictures, or as Markdown with a folder of them.

    Args:
        out: a .html or .md file.
        template: name of the template, without its ending.
        content: what the template shows.
        pictures: the PNG files that the content has, by title; Markdown gets them as `figures`.

    Raises:
        UserError: `out` is no path of a report.
    """
    out = checked(out)
    if out.suffix == ".md":
        content = content | {"figures": _write_pictures(pictures(content), out)}
    text = _environment().get_template(f"{template}{out.suffix}.j2").render(content)
    write_whole(out, text.encode())


def slug(text: str) -> str:
    """A name for links and files."""
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


def code(text: str) -> Markup:
    """HTML of a text, its flags and commands as code, which no line break tears."""
    return Markup(_CODE.sub(r"<code>\g<0></code>", str(escape(text))))


def _write_pictures(pictures: dict[str, bytes], out: Path) -> dict[str, str]:
    """Write pictures beside a Markdown file; {title: path relative to it}."""
    folder = out.parent / f"{out.stem}_files"
    folder.mkdir(exist_ok=True)
    for title, png in pictures.items():
        write_whole(folder / f"{slug(title)}.png", png)
    return {title: f"{folder.name}/{slug(title)}.png" for title in pictures}


def _environment() -> Environment:
    """The templates; everything is escaped in HTML."""
    environment = Environment(
        loader=PackageLoader("mmvae.reporting"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = curves.svg
    environment.filters["uri"] = samples.data_uri
    environment.filters["slug"] = slug
    environment.filters["code"] = code
    return environment
