"""Who may come in, by which port, and where what they send lies: settled before Gradio loads."""

import errno
import os
import socket
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


def check_port(host: str, port: int) -> None:
    """Try whether this process can listen there.

    Raises:
        UserError: it cannot; the sentence says why.
    """
    if not 0 < port < 2**16:
        raise UserError(f"--port {port} must be from 1 to 65535, such as --port 8000.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen()
    except (OSError, UnicodeError) as error:  # of a name that cannot be one
        raise UserError(_why_not(error, host, port)) from error


def _why_not(error, host, port):
    code = None if isinstance(error, socket.gaierror) else getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; type --port with another."
    if code in (errno.EACCES, errno.EPERM):
        return f"port {port} is not for every user; type --port with one above 1023."
    reason = getattr(error, "strerror", None) or error
    return (
        f"nothing can listen at --host {host}, port {port} ({reason}); type an address of this "
        f"machine, such as 127.0.0.1."
    )


def keep_private() -> None:
    """Tell Gradio, before it is imported, to call nobody and to share no folder."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # A folder of its own for uploads, which other programs of this machine cannot read.
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="mmvae-demo-"))
