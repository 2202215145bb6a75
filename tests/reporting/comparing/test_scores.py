"""The table of evaluations: means and intervals over seeds, and where it is written."""

import math

import pandas as pd
import pytest

from mmvae.errors import UserError
from mmvae.reporting.comparing import scores
from mmvae.reporting.runs import Run


def run(path, objective, seed, **measured):
    """A run as it is read: two rows a minute apart, and an evaluation."""
    rows = pd.DataFrame({"step": [1, 2], "time": [0.0, 60.0], "_nan": [(), ()]})
    model = {name: {"value": value} for name, value in measured.items()}
    config = {"objective.name": objective, "seed": seed}
    return Run(path, config, {}, {}, {"model": model} if model else {}, rows)


@pytest.fixture
def runs(tmp_path):
    return [
        run(tmp_path / "a0", "elbo", 0, coherence_joint=0.5, image_mse=0.02),
        run(tmp_path / "a1", "elbo", 1, coherence_joint=0.7, image_mse=0.04),
        run(tmp_path / "b0", "mvae", 0, coherence_joint=0.1),
    ]


def test_intervals_are_students():
    assert scores.cell([0.5, 0.7], ".3f") == "0.600 ± 1.271"
    three = 4.302653 * math.sqrt(1 / 3)
    assert scores.cell([1.0, 2.0, 3.0], ".4f") == f"2.0000 ± {three:.4f}"
    assert scores.cell([0.25], ".1%") == "25.0%"
    assert scores.cell([0.25, None], ".1%") == ""


def test_a_row_is_a_setting_and_a_column_what_some_run_has(runs):
    lines = scores.table(runs).splitlines()
    assert lines[0] == "| setting | seeds | joint, flow | image MSE | training |"
    assert lines[2].startswith("| name=elbo | 2 | 60.0% ± 127.1% | 0.0300 ± 0.1271 |")
    assert lines[3].startswith("| name=mvae | 1 | 10.0% |  |")


def test_a_page_keeps_what_stands_around_its_table(runs, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Head\n\n{scores.BEGIN}\nold\n{scores.END}\n\nTail\n")
    scores.write(runs, page)
    scores.write(runs, page)
    text = page.read_text()
    assert text.startswith(f"# Head\n\n{scores.BEGIN}\n| setting ")
    assert text.endswith(f" |\n{scores.END}\n\nTail\n")
    assert "old" not in text


def test_what_cannot_be_written_is_refused(runs, tmp_path):
    (tmp_path / "prose.md").write_text("No marks.\n")
    with pytest.raises(UserError, match="between which the table would stand"):
        scores.write(runs, tmp_path / "prose.md")
    assert (tmp_path / "prose.md").read_text() == "No marks.\n"
    with pytest.raises(UserError, match=r"must be a \.md file"):
        scores.write(runs, tmp_path / "table.html")
    with pytest.raises(UserError, match="mmvae.evaluate --workdir"):
        scores.write([run(tmp_path, "elbo", 0)], tmp_path / "new.md")
