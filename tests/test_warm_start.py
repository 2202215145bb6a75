"""Starting from another run: what is loaded, resized, carried over, frozen, and refused."""

import jax
import numpy as np
import pytest
import tiny
from flax import traverse_util

from configs import adapt, finetune_style
from data_prep import prepare
from mmvae import warm_start
from mmvae.checkpoint import Checkpoints
from mmvae.errors import UserError
from mmvae.inference import Session
from mmvae.text import Tokenizer
from mmvae.train import train


@pytest.fixture(scope="module")
def words(sprites_dataset):
    return Tokenizer(sprites_dataset / "tokenizer.model")


@pytest.fixture(scope="module")
def other_words(tmp_path_factory):
    """The tokenizer of another corpus."""
    out = tmp_path_factory.mktemp("other") / "sprites"
    flags = "--num-pairs 60 --image-size 32 --workers 1".split()
    assert prepare.main(["--source", "sprites:5", "--out", str(out), *flags]) == 0
    return Tokenizer(out / "tokenizer.model")


def session(words, **changes):
    config = tiny.config(**changes).lock()
    return Session(config, tiny.params(config, vocabulary=words.vocab_size), words)


def taken_over(source, words, **changes):
    """(WarmStart, Session of the new model) with another configuration or tokenizer."""
    config = tiny.config(**changes).lock()
    fresh = tiny.params(config, seed=1, vocabulary=words.vocab_size)
    start = warm_start.taken_over(source, config, fresh, words)
    return start, Session(config, start.params, words)


def fates(start):
    return {fate: [p for p, f in start.fates.items() if f == fate] for fate in start.fates.values()}


def test_the_same_model_is_loaded_whole(words):
    source = session(words)
    start, _ = taken_over(source, words)
    assert set(start.fates.values()) == {warm_start.LOADED}
    jax.tree.map(np.testing.assert_array_equal, start.params, jax.device_get(source.params))


def test_what_is_skipped_starts_anew_and_what_has_no_place_is_named(words):
    source = session(words, model__prior__layers=2)
    start, _ = taken_over(source, words, init__skip=("heads_*",))
    assert all(path.startswith("heads_") for path in fates(start)["new"])
    assert {path.split("/")[1] for path in start.ignored} == {"hidden_1", "out_1", "LayerNorm_2"}
    text = "\n".join(warm_start.lines(start))
    assert "heads_image" in text
    assert "ignored: prior/LayerNorm_2/bias" in text


def grey_pictures(side, channels=1):
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (4, 2, 2, 1)).astype(np.uint8)
    return np.repeat(coarse.repeat(side // 2, 1).repeat(side // 2, 2), channels, -1)


def test_a_grey_model_makes_the_same_of_grey_pictures_in_colour(words):
    source = session(words)
    start, new = taken_over(source, words, data__channels=3)
    assert set(fates(start)["resized"]) == {
        "encoders_image/embed/kernel",
        "decoders_image/Upsampler_0/Dense_2/kernel",
        "decoders_image/Upsampler_0/Dense_2/bias",
    }
    assert_same_pictures(source, new)
    back, grey = taken_over(new, words)
    assert len(fates(back)["resized"]) == 3
    assert_same_pictures(grey, new)


def assert_same_pictures(grey, colour):
    """Both encode grey pictures alike and decode the same grey pictures."""
    mean, _ = grey.encode(images=grey_pictures(16))
    found, _ = colour.encode(images=grey_pictures(16, 3))
    np.testing.assert_allclose(found, mean, atol=1e-4)
    drawn, wanted = colour.decode(mean).images, grey.decode(mean).images
    assert np.abs(drawn.astype(int) - wanted).max() <= 1


def test_larger_pictures_start_from_what_smaller_ones_taught(words):
    """Patches of one flat grey: four times as many say the same, and draw nearly the same."""
    source = session(words)
    start, new = taken_over(source, words, data__image_size=32)
    assert "encoders_image/PosteriorHead_0/moments/kernel" in fates(start)["resized"]
    flat = np.full((2, 32, 32, 1), 200, np.uint8)
    scratch = Session(
        new.config, tiny.params(new.config, seed=1, vocabulary=words.vocab_size), words
    )
    wanted, _ = source.encode(images=flat[:, :16, :16])
    near, far = (np.abs(model.encode(images=flat)[0] - wanted).mean() for model in (new, scratch))
    assert near < 0.3 * far


def test_longer_captions_keep_the_meaning_of_short_ones(words):
    source = session(words)
    start, new = taken_over(source, words, data__caption_length=12)
    assert len(fates(start)["resized"]) == 3
    captions = ["heart", "square", ""]
    np.testing.assert_allclose(
        new.encode(captions=captions)[0], source.encode(captions=captions)[0], atol=1e-4
    )
    latents = source.encode(captions=captions)[0]
    assert [c[:5] for c in new.decode(latents).captions] == [
        c[:5] for c in source.decode(latents).captions
    ]


def test_embeddings_of_shared_pieces_are_carried_over(words, other_words):
    source = session(words)
    start, _ = taken_over(source, other_words)
    assert len(fates(start)["carried over"]) == 2
    old, new = (
        np.asarray(params["decoders_caption"]["embed"]["embedding"])
        for params in (source.params, start.params)
    )
    place = {words.spelling(i): i for i in range(words.vocab_size)}
    shared, unknown = 0, 0
    for index in range(other_words.vocab_size):
        text = other_words.spelling(index)
        if text in place:
            np.testing.assert_array_equal(new[index], old[place[text]])
            shared += 1
        elif spelled := words.pieces(text.replace("▁", " ")):
            np.testing.assert_allclose(new[index], old[spelled].mean(0), rtol=1e-5)
            unknown += 1
    assert shared == start.shared > 100
    assert unknown > 10


def continued(config, sprites_dataset, run, **changes):
    config.data.dir = str(sprites_dataset)
    config.train.epochs = 1
    config.train.batch_size = config.eval.batch_size = 16
    config.samplers.prior_steps = 20
    config.eval.metrics = ()
    config.update_from_flattened_dict({k.replace("__", "."): v for k, v in changes.items()})
    assert train(config.lock(), run) == 0
    with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_subtree("latest", "params")
    return traverse_util.flatten_dict(params, sep="/")


def test_only_adapters_move_when_the_rest_is_frozen(sprites_dataset, sprites_run, tmp_path, capsys):
    run = tmp_path / "run"
    found = continued(
        finetune_style.get_config(sprites_run),
        sprites_dataset,
        run,
        model__adapter_rank=2,
        train__freeze=("*", "!*/adapter_*"),
        optimizer__learning_rate=1e-2,
    )
    start = traverse_util.flatten_dict(Session.load(sprites_run).params, sep="/")
    assert all(np.array_equal(found[path], start[path]) for path in start)
    moved = {path for path in found if path.endswith("adapter_out") and np.any(found[path])}
    assert {path.split("/")[0] for path in moved} == {
        f"{kind}_{name}" for kind in ("encoders", "decoders") for name in ("image", "caption")
    }
    out = capsys.readouterr().out
    assert f"start       from {sprites_run}, checkpoint" in out
    assert "trained" in out
    assert "56 training pairs are learnt by heart" in out
    assert Session.load(run).config.model.adapter_rank == 0


def test_adaptation_keeps_the_language(sprites_dataset, sprites_run, tmp_path):
    found = continued(adapt.get_config(sprites_run), sprites_dataset, tmp_path / "run")
    start = traverse_util.flatten_dict(Session.load(sprites_run).params, sep="/")
    still = {path.split("/")[0] for path in start if np.array_equal(found[path], start[path])}
    assert {"encoders_caption", "decoders_caption"} <= still
    assert not np.array_equal(
        found["encoders_image/embed/kernel"], start["encoders_image/embed/kernel"]
    )


def test_a_start_that_cannot_be_is_one_sentence(sprites_run, words, tmp_path):
    config = tiny.config(init__from_run=str(tmp_path)).lock()
    with pytest.raises(UserError, match="is not a run directory"):
        warm_start.warm_start(config, tiny.params(config), words)
    config = tiny.config(init__from_run=str(sprites_run)).lock()
    with pytest.raises(UserError, match="none of its parameters fits"):
        warm_start.warm_start(config, {"other": {"kernel": np.zeros(3)}}, words)
