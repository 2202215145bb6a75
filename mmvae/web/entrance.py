"""Who may come in, and where what they send lies: settled before Gradio is loaded."""

import os
import tempfile

from mmvae.errors import UserError

_LOCAL = ("127.0.0.1", "localhost", "::1")


def credentials(host: str, text: str) -> tuple[str, str] | None:
    """(name, password) of "NAME:PASSWORD", or None where nobody needs any.

    Raises:
        UserError: the text has another form, or is missing where others can reach the demo.
    """
    if text == "anyone" or (not text and host in _LOCAL):
        return None
    if not text:
        raise UserError(
            f"--host {host} lets others in: add --auth NAME:PASSWORD (or set MMVAE_DEMO_AUTH), "
            f"or --auth anyone if that is meant."
        )
    name, _, password = text.partition(":")
    if not name or not password:
        raise UserError("--auth must be NAME:PASSWORD, or anyone.")
    return name, password


def keep_private() -> None:
    """Tell Gradio, before it is imported, to call nobody and to share no folder."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # A folder of its own for uploads, which other programs of this machine cannot read.
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="mmvae-demo-"))
