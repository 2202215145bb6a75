"""The checklist of a real short run."""

from mmvae.reporting import checklist, runs


def test_the_checklist_names_what_is_not_informative(driven):
    checks = checklist.checklist(runs.load(driven / "healthy"))
    assert len(checks) == 19
    easy = next(c for c in checks if "MSE under 0.3" in c.note)
    assert "a trivial answer meets it" in easy.note, "the mean picture of sprites has 0.04"
    assert next(c for c in checks if c.criterion.startswith("loss falls")).status == checklist.MET
    late = [c for c in checks if c.when == "after 100 epochs"]
    assert {c.status for c in late} == {checklist.NOT_REACHED}
