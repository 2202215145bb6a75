"""What a configuration must hold, and what its data set and machine ask of it."""

import math

import pytest

from configs import base
from mmvae import config
from mmvae.training import checks

NUMBERS = [
    path
    for path, value in config.fields(base.get_config()).items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]


def changed(**values):
    """The base configuration with fields set; "__" stands for "."."""
    changed = base.get_config().lock()
    changed.update_from_flattened_dict(
        {path.replace("__", "."): value for path, value in values.items()}
    )
    return changed


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("value", [-1, math.nan])
def test_every_number_has_a_range(path, value):
    wrong = base.get_config()
    with wrong.ignore_type():  # NaN for a whole number
        wrong.update_from_flattened_dict({path: value})
    with pytest.raises(config.ConfigError, match=rf"config\.{path}=\S+ must be "):
        checks.validate(wrong)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"model__modalities__caption__word_dropout": 1.0},
            "config.model.modalities.caption.word_dropout=1.0 must be at least 0 and below 1.",
        ),
        ({"optimizer__beta2": 1.0}, "config.optimizer.beta2=1.0 must be above 0 and below 1."),
        (
            {"optimizer__learning_rate": math.inf},
            "config.optimizer.learning_rate=inf must be above 0.",
        ),
        ({"train__epochs": 0}, "config.train.epochs=0 must be at least 1."),
        ({"data__channels": 2}, "config.data.channels=2 must be one of: 1, 3."),
        (
            {"model__dtype": "float16"},
            "config.model.dtype=float16 must be one of: bfloat16, float32; did you mean bfloat16?",
        ),
        (
            {"loss__alignment": "siglp"},
            "config.loss.alignment=siglp must be one of: siglip, cosine, symmetric_kl; "
            "did you mean siglip?",
        ),
        (
            {"wandb__mode": "of"},
            "config.wandb.mode=of must be one of: auto, online, offline, disabled.",
        ),
        (
            {"model__modalities__image__patch": 10},
            "config.model.modalities.image.patch=10 must divide config.data.image_size=128; "
            "nearest: 8 or 16.",
        ),
        (
            {"model__modalities__caption__heads": 7},
            "config.model.modalities.caption.heads=7 must divide "
            "config.model.modalities.caption.width=512; nearest: 4 or 8.",
        ),
    ],
)
def test_a_value_that_cannot_work(values, message):
    with pytest.raises(config.ConfigError) as error:
        checks.validate(changed(**values))
    assert str(error.value) == message


@pytest.mark.parametrize(
    "path",
    ["model.fusion", "optimizer.schedule", "model.modalities.image.kind",
     "model.modalities.image.likelihood", "model.modalities.image.decoder"],
)  # fmt: skip
def test_every_choice_lists_what_there_is(path):
    with pytest.raises(config.ConfigError, match=rf"config\.{path}=nonsense must be one of: "):
        checks.validate(changed(**{path: "nonsense"}))


@pytest.mark.parametrize(
    ("batch", "parts", "devices", "processes", "message"),
    [
        (10, 1, 4, 1, "must divide evenly over 4 devices; nearest: 8 or 12."),
        (3, 1, 4, 1, "must divide evenly over 4 devices; nearest: 4."),
        (20, 1, 8, 2, "must divide evenly over 8 devices of 2 processes; nearest: 16 or 24."),
        (
            12, 8, 1, 1,
            "must divide evenly over 1 device times config.train.accumulate_steps=8; "
            "nearest: 8 or 16.",
        ),
    ],
)  # fmt: skip
def test_batches_divide_over_devices(batch, parts, devices, processes, message):
    wrong = changed(train__batch_size=batch, train__accumulate_steps=parts)
    with pytest.raises(config.ConfigError) as error:
        checks.validate(wrong, devices, processes)
    assert str(error.value) == f"config.train.batch_size={batch} {message}"


def test_the_coarse_scale_divides_the_picture():
    odd = changed(data__image_size=10, model__modalities__image__patch=2)
    odd.model.modalities.image.likelihood = "multiscale"
    with pytest.raises(config.ConfigError, match=r"image_size=10 must divide .*; nearest: 8 or 12"):
        checks.validate(odd)


def test_evaluation_batches_divide_over_devices():
    with pytest.raises(config.ConfigError, match=r"config\.eval\.batch_size=6 .*: 4 or 8"):
        checks.validate(changed(eval__batch_size=6), devices=4)


def test_every_modality_has_its_weights():
    wrong = base.get_config().unlock()
    del wrong.loss.cross.caption
    with pytest.raises(config.ConfigError, match=r"needs a config\.loss\.cross\.caption: "):
        checks.validate(wrong)


def test_modalities_are_those_of_a_data_set():
    wrong = base.get_config().unlock()
    del wrong.model.modalities["caption"]
    with pytest.raises(config.ConfigError, match="are image: a data set holds image, caption"):
        checks.validate(wrong)


@pytest.mark.parametrize("path", ["optimizer__multipliers", "eval__metrics"])
def test_tuples_hold_texts(path):
    with pytest.raises(config.ConfigError, match=r"=\(0.1,\) must hold texts, such as"):
        checks.validate(changed(**{path: (0.1,)}))


def test_the_card_says_which_flags_to_type():
    card = {"image": {"size": 64, "channels": 3, "format": "png"}}
    with pytest.raises(config.ConfigError) as error:
        checks.check_against_card(changed(), card)
    assert "type --config.data.image_size=64 --config.data.channels=3," in str(error.value)
    checks.check_against_card(changed(data__image_size=64, data__channels=3), card)


def test_only_the_wrong_field_is_to_be_typed():
    card = {"image": {"size": 64, "channels": 1}}
    with pytest.raises(config.ConfigError, match=r"type --config\.data\.image_size=64, or"):
        checks.check_against_card(changed(), card)
