"""Who may come in, and where what they send lies."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmvae.errors import UserError
from mmvae.web import entrance
from support.places import ROOT


def test_who_may_come_in():
    assert entrance.credentials("127.0.0.1", "") is None
    assert entrance.credentials("127.0.0.1", "me:a:b") == ("me", "a:b")
    assert entrance.credentials("0.0.0.0", "anyone") is None
    with pytest.raises(UserError, match="add --auth NAME:PASSWORD"):
        entrance.credentials("0.0.0.0", "")
    for text in ("me", "me:", ":secret"):
        with pytest.raises(UserError, match="must be NAME:PASSWORD"):
            entrance.credentials("127.0.0.1", text)


def test_uploads_lie_in_a_folder_that_nobody_else_reads(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    entrance.keep_private()
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_a_port_that_cannot_be_had_is_refused_with_the_reason():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is taken; type --port"):
            entrance.check_port("127.0.0.1", port)
    entrance.check_port("127.0.0.1", port)
    for number in (-1, 0, 65536):
        with pytest.raises(UserError, match="must be from 1 to 65535"):
            entrance.check_port("127.0.0.1", number)
    for host in ("192.0.2.1", "no.such.host.invalid", "." * 70):
        with pytest.raises(
            UserError, match=f"nothing can listen at --host {re.escape(host)}, port"
        ):
            entrance.check_port(host, port)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_port_of_the_system_is_said_to_be_that():
    command = (
        "import os, encodings.idna; from mmvae.web import entrance; os.setgroups([]); "
        "os.setgid(65534); os.setuid(65534); entrance.check_port('127.0.0.1', 81)"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True)
    low = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 81
    assert ("not for every user; type --port with one above 1023" in done.stderr) == low
