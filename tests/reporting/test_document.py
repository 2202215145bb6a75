"""Reports as files."""

import pytest

from mmvae.errors import UserError
from mmvae.reporting.document import checked, code, slug


def test_reports_are_html_or_markdown_in_a_folder_that_exists(tmp_path):
    assert checked(str(tmp_path / "a.md")) == tmp_path / "a.md"
    with pytest.raises(UserError, match=r"must end in \.html or \.md"):
        checked(tmp_path / "a.pdf")
    with pytest.raises(UserError, match="does not exist; make it first"):
        checked(tmp_path / "nowhere" / "a.html")


def test_flags_and_commands_are_code_and_the_rest_is_escaped():
    text = "Raise --config.loss.weights.kl=0.1, or <b>; python -m mmvae.benchmark tells."
    assert code(text) == (
        "Raise <code>--config.loss.weights.kl=0.1</code>, or &lt;b&gt;; "
        "<code>python -m mmvae.benchmark</code> tells."
    )


def test_names_for_links_and_files():
    assert slug("Is it stable?") == "is-it-stable" and slug("val/loss_total") == "val-loss-total"
