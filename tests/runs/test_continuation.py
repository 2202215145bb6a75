"""Whether a run goes on in its directory: the same by content, whatever it is called."""

import json

import pytest

from mmvae import config as configs
from mmvae.errors import UserError
from mmvae.runs import best, continuation, directory
from support import tiny

CARD = {"counts": {"kept": 7, "found": 9}, "settings": {"sources": ["sprites:1"]}}


def config_for(data, **changes):
    return tiny.config(**({"data__dir": str(data)} | changes)).lock()


@pytest.fixture
def data(tmp_path):
    """What a run compares of its data set."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / directory.TOKENIZER).write_bytes(b"pieces")
    (folder / directory.CARD).write_text(json.dumps(CARD))
    return folder


@pytest.fixture
def run(tmp_path, data):
    """A run directory before its first step."""
    assert continuation.keep(tmp_path / "run", config_for(data)) == {}
    return tmp_path / "run"


def test_the_same_configuration_goes_on_and_changes_nothing(run, data):
    before = (run / directory.CONFIG).stat().st_mtime_ns
    continuation.check(run, config_for(data))
    assert continuation.keep(run, config_for(data)) == {}
    assert (run / directory.CONFIG).stat().st_mtime_ns == before


def test_a_moved_data_set_goes_on_and_the_run_knows_where(run, data):
    moved = data.rename(data.with_name("moved"))
    for spelling in (str(moved), f"{moved}/", f"{moved}/../moved"):
        continuation.check(run, config_for(spelling))
        assert "data.dir" in continuation.keep(run, config_for(spelling))
        assert configs.of_run(run).data.dir == spelling


def test_a_card_written_otherwise_is_the_same_card(run, data):
    (data / directory.CARD).write_text(json.dumps(CARD, indent=3, sort_keys=True) + "\n")
    continuation.check(run, config_for(data))


@pytest.mark.parametrize("place", ["run", "data"])
def test_a_damaged_card_is_refused_with_what_to_type(run, data, place):
    path = {"run": run, "data": data}[place] / directory.CARD
    path.write_text("{")
    with pytest.raises(UserError, match=f"{path} is damaged .*; (copy it from {data}|type python)"):
        continuation.check(run, config_for(data))
    path.unlink()
    with pytest.raises(UserError, match=f"{path} is missing; "):
        continuation.check(run, config_for(data))


def test_another_data_set_is_refused_by_what_is_in_it(run, data):
    (data / directory.CARD).write_text(json.dumps(CARD | {"counts": {"kept": 8, "found": 9}}))
    told = r"not the data set that .* \(card.json: counts.kept \(7 there, 8 here\)\); type --config"
    with pytest.raises(UserError, match=told):
        continuation.check(run, config_for(data))
    (data / directory.TOKENIZER).write_bytes(b"other pieces")
    with pytest.raises(UserError, match=r"tokenizer.model is another vocabulary"):
        continuation.check(run, config_for(data))


def test_a_refusal_names_the_fields_with_both_values_and_the_flags(run, data):
    with pytest.raises(UserError) as error:
        continuation.check(run, config_for(data, seed=3, train__batch_size=4, train__epochs=9))
    told = str(error.value)
    assert "seed (0 there, 3 here), train.batch_size (8 there, 4 here); type" in told
    assert "type --config.seed=0 --config.train.batch_size=8 to continue it, or --workdir" in told
    assert "epochs" not in told, "they may change"


def test_of_many_fields_some_are_named(run, data):
    fields = [f for f in configs.fields(config_for(data)) if f.startswith("optimizer.")]
    other = config_for(data)
    with other.unlocked(), other.ignore_type():
        other.update_from_flattened_dict(dict.fromkeys(fields, "other"))
    with pytest.raises(UserError, match=f"and {len(fields) - 5} more; type --workdir NEW for a"):
        continuation.check(run, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"train__epochs": 500},
        {"eval__every_epochs": 3, "eval__samples_every_epochs": 4, "eval__metrics": ()},
        {"checkpoint__every_minutes": 1.0, "checkpoint__keep_latest": 5, "name": "other"},
        {"wandb__mode": "disabled", "train__log_every_steps": 7, "eval__num_samples": 2},
    ],
)
def test_what_has_no_say_in_the_parameters_may_change(run, data, changes):
    config = config_for(data, **changes)
    continuation.check(run, config)
    changed = continuation.keep(run, config)
    assert set(changed) == {name.replace("__", ".") for name in changes}
    assert configs.of_run(run).to_dict() == config.to_dict()


def test_a_run_keeps_the_rule_of_its_best_checkpoint(run, data, tmp_path):
    own = configs.of_run(run).checkpoint.best_by
    other = next(rule for rule in best.RULES if rule != own)
    asked = config_for(data, checkpoint__best_by=other)
    begun = continuation.as_begun(asked, run)
    assert (begun.checkpoint.best_by, asked.checkpoint.best_by) == (own, other)
    assert begun.is_locked and continuation.differences(configs.of_run(run), begun) == {}
    assert continuation.as_begun(asked, tmp_path / "new") is asked


def test_every_field_that_may_change_is_a_field():
    fields = configs.fields(tiny.config())
    matches = lambda pattern: any(continuation.fnmatchcase(field, pattern) for field in fields)
    assert all(matches(pattern) for pattern in continuation.MAY_CHANGE)


def test_a_run_from_before_a_field_goes_on(run, data):
    stored = json.loads((run / directory.CONFIG).read_text())
    del stored["init"], stored["train"]["freeze"], stored["model"]["adapter_rank"]
    (run / directory.CONFIG).write_text(json.dumps(stored))
    continuation.check(run, config_for(data))
    with pytest.raises(UserError, match=r"model.adapter_rank \(0 there, 8 here\)"):
        continuation.check(run, config_for(data, model__adapter_rank=8))


def test_the_run_that_one_starts_from_may_be_spelled_otherwise(run, data):
    begun = config_for(data, init__from_run="runs/a")
    (run / directory.CONFIG).write_text(configs.to_json(begun))
    continuation.check(run, config_for(data, init__from_run="./runs/a/"))
    with pytest.raises(UserError, match=r"init.from_run \(runs/a there, runs/b here\)"):
        continuation.check(run, config_for(data, init__from_run="runs/b"))
