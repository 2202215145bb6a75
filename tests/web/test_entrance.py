"""Who may come in, and where what they send lies."""

import os
from pathlib import Path

import pytest

from mmvae.errors import UserError
from mmvae.web import entrance


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
