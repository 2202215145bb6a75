"""Starting from another run: what is loaded, resized, carried over, frozen, and refused."""

import json
import shutil

import jax
import numpy as np
import pytest
from flax import traverse_util

from configs import adapt, finetune_style, flow_decoder
from data_prep import prepare
from mmvae.config import to_json
from mmvae.data import records
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError
from mmvae.inference.session import Session
from mmvae.runs.checkpoints import Checkpoints
from mmvae.training import checks, optimizer, warm_start
from mmvae.training.loop import train
from mmvae.training.preemption import StopRequest
from mmvae.training.resizing import resized
from support import tiny


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


def anew(config, words, seed=0):
    """Parameters like new ones."""
    return tiny.params(config, seed, words.vocab_size)


def session(words, **changes):
    config = tiny.config(**changes).lock()
    return Session(config, anew(config, words), words)


def taken_over(source, words, **changes):
    """(WarmStart, Session of the new model) with another configuration or tokenizer."""
    config = tiny.config(**changes).lock()
    start = warm_start.taken_over(source, config, anew(config, words, seed=1), words)
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
    mean, _ = grey.encode(image=grey_pictures(16))
    found, _ = colour.encode(image=grey_pictures(16, 3))
    np.testing.assert_allclose(found, mean, atol=1e-4)
    drawn, wanted = colour.decode(mean).images, grey.decode(mean).images
    assert np.abs(drawn.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(("before", "after"), [(16, 32), (64, 32)])
def test_other_sizes_start_from_what_was_learnt_at_one(words, before, after):
    """Flat pictures mean nearly what they meant."""
    source = session(words, data__image_size=before)
    start, new = taken_over(source, words, data__image_size=after)
    assert "encoders_image/PosteriorHead_0/moments/kernel" in fates(start)["resized"]
    scratch = Session(new.config, anew(new.config, words, seed=1), words)
    wanted = source.encode(image=flat(before))[0]
    near, far = (
        np.abs(model.encode(image=flat(after))[0] - wanted).mean() for model in (new, scratch)
    )
    assert near < 0.4 * far


def flat(side):
    return np.full((2, side, side, 1), 200, np.uint8)


def test_grids_are_interpolated_the_right_way_up():
    """A ramp from top to bottom stays one, in rows that are read, written and added."""
    ramp = lambda side: np.repeat(np.linspace(-1, 1, side), side)
    specs = tiny.config().model.modalities
    squeeze = specs.image.squeeze
    for path, columns in (
        ("encoders_image/positions/vectors", lambda x: np.stack([x, -x], 1)),
        ("decoders_image/LatentCanvas_0/expand/bias", lambda x: np.repeat(x, squeeze)),
        (
            "encoders_image/PosteriorHead_0/moments/kernel",
            lambda x: np.repeat(x, squeeze)[:, None] / len(x),
        ),
    ):
        small, large = columns(ramp(8)), columns(ramp(16))
        for stored, wanted in ((small, large), (large, small)):
            found = resized(path, stored, np.zeros_like(wanted), specs, specs)
            np.testing.assert_allclose(found, wanted, atol=0.1 * np.abs(wanted).max())


@pytest.mark.parametrize("channels", [1, 3])
def test_an_enlarged_patch_embeds_as_the_small_one_did(channels):
    random = np.random.default_rng(0)
    small, large = (
        tiny.config(model__modalities__image__patch=patch).model.modalities for patch in (8, 16)
    )
    kernel = random.normal(size=(8 * 8, 5)).astype(np.float32)
    patches = random.normal(size=(3, 8, 8)).astype(np.float32)
    enlarged = np.asarray(jax.image.resize(patches, (3, 16, 16), "bilinear"))
    enlarged = np.repeat(enlarged[..., None], channels, -1).reshape(3, -1)
    fresh = np.zeros((16 * 16 * channels, 5), np.float32)
    found = resized("encoders_image/embed/kernel", kernel, fresh, small, large)
    np.testing.assert_allclose(enlarged @ found, patches.reshape(3, -1) @ kernel, atol=1e-3)


def test_pictures_and_patches_of_twice_the_size_mean_the_same(words):
    source = session(words)
    twice = {"data__image_size": 32, "model__modalities__image__patch": 16}
    start, new = taken_over(source, words, **twice)
    assert fates(start)["resized"] == ["encoders_image/embed/kernel"]
    assert all(path.startswith("decoders_image/Upsampler") for path in fates(start)["new"])
    found, wanted = new.encode(image=flat(32))[0], source.encode(image=flat(16))[0]
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_longer_captions_keep_the_meaning_of_short_ones(words):
    source = session(words)
    start, new = taken_over(source, words, data__caption_length=12)
    assert len(fates(start)["resized"]) == 3
    captions = ["heart", "square", ""]
    np.testing.assert_allclose(
        new.encode(caption=captions)[0], source.encode(caption=captions)[0], atol=1e-4
    )
    latents = source.encode(caption=captions)[0]
    assert [c[:5] for c in new.decode(latents).captions] == [
        c[:5] for c in source.decode(latents).captions
    ]


@pytest.mark.parametrize(("length", "kept"), [(12, 8), (5, 5)])
def test_captions_of_another_length_keep_their_first_positions(words, length, kept):
    source = session(words)
    start, _ = taken_over(source, words, data__caption_length=length)
    for path in ("encoders_caption", "decoders_caption"):
        old, new = (
            np.asarray(p[path]["positions"]["vectors"]) for p in (source.params, start.params)
        )
        np.testing.assert_array_equal(new[:kept], old[:kept])
        assert np.all(np.isfinite(new))


def test_embeddings_of_shared_pieces_are_carried_over(words, other_words):
    source = session(words)
    start, _ = taken_over(source, other_words)
    assert len(fates(start)["carried over"]) == 2
    old, new = (
        np.asarray(params["decoders_caption"]["embed"]["embedding"])
        for params in (source.params, start.params)
    )
    place = {words.spelling(i): i for i in range(words.vocab_size)}
    ids = {other_words.spelling(i): i for i in range(other_words.vocab_size)}
    learnt = [text for i, text in enumerate(ids) if i > 3 and not other_words.is_fallback(i)]
    shared = [text for text in learnt if text in place]
    assert len(shared) == start.shared > 5
    for text in shared:
        np.testing.assert_array_equal(new[ids[text]], old[place[text]])
    assert "▁yellow" in learnt and "▁yellow" not in place
    spelled = words.pieces("yellow")
    np.testing.assert_allclose(new[ids["▁yellow"]], old[spelled].mean(0), rtol=1e-5, atol=1e-6)


def test_a_piece_within_a_word_is_not_spelled_as_the_start_of_one(words):
    start = words.pieces("heart")
    assert words.spelling(start[0]).startswith("▁")
    within = [words.spelling(piece) for piece in words.pieces_within("heart")]
    assert "".join(within) == "heart"
    assert words.pieces_within(" heart") == start


def short(config, dataset, **changes):
    """A configuration of one epoch of 3 steps."""
    config.data.dir = str(dataset)
    config.train.epochs = 1
    config.train.batch_size = config.eval.batch_size = 16
    config.samplers.prior_steps = 20
    config.eval.metrics = ()
    config.update_from_flattened_dict({k.replace("__", "."): v for k, v in changes.items()})
    return config.lock()


def trained(run):
    """{path: parameter} of a run's newest checkpoint, as they are averaged for use."""
    with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_subtree("latest", "ema_params")
    return traverse_util.flatten_dict(params, sep="/")


def test_adapters_alone_are_trained_and_a_resumed_run_needs_no_source(
    sprites_dataset, sprites_run, tmp_path, capsys, monkeypatch
):
    source, run = shutil.copytree(sprites_run, tmp_path / "source"), tmp_path / "run"
    changes = {"model__adapter_rank": 2, "train__freeze": ("*", "!*/adapter_*")}
    config = short(
        finetune_style.get_config(source),
        sprites_dataset,
        optimizer__learning_rate=1e-2,
        **changes,
    )
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "should_stop", lambda self, step: step == 2)
        train(config, run)
    out = capsys.readouterr().out
    assert f"start       from {source}, checkpoint" in out
    assert "of new adapters" in out
    assert "56 training pairs are learnt by heart" in out
    before = traverse_util.flatten_dict(Session.load(source).params, sep="/")
    shutil.rmtree(source)
    train(config, run)
    assert "start       from" not in capsys.readouterr().out
    found = trained(run)
    # The moving average adds 0.98 x + 0.02 x, which rounds.
    assert all(np.allclose(found[path], before[path], rtol=1e-5, atol=1e-7) for path in before)
    moved = {path for path in found if path.endswith("adapter_out") and np.any(found[path])}
    assert {path.split("/")[0] for path in moved} == {
        f"{kind}_{name}" for kind in ("encoders", "decoders") for name in ("image", "caption")
    }
    used = Session.load(run)
    assert used.config.model.adapter_rank == 0
    kernel = "encoders_image/Transformer_0/Block_0/Dense_0/kernel"
    assert not np.allclose(traverse_util.flatten_dict(used.params, sep="/")[kernel], before[kernel])


@pytest.fixture
def mostly_uncaptioned(sprites_dataset, tmp_path):
    """Sprites as files of a folder, one in five with its caption, prepared with known words."""
    raw, out = tmp_path / "raw", tmp_path / "prepared"
    raw.mkdir()
    known = records.read(sprites_dataset, "train")
    for index, (image, caption) in enumerate(
        zip(known.images.numpy(), known.captions, strict=True)
    ):
        (raw / f"{index}.png").write_bytes(image)
        if index % 5 == 0:
            (raw / f"{index}.txt").write_text(caption)
    flags = "--keep-uncaptioned --image-size 32 --workers 1 --min-side 8 --test-fraction 0".split()
    flags += ["--tokenizer", str(sprites_dataset / "tokenizer.model")]
    assert prepare.main(["--source", f"folder:{raw}", "--out", str(out), *flags]) == 0
    return out


def test_adaptation_to_pictures_without_captions_keeps_the_language(
    mostly_uncaptioned, sprites_run, tmp_path
):
    run = tmp_path / "run"
    train(short(adapt.get_config(sprites_run), mostly_uncaptioned, train__batch_size=8), run)
    found = trained(run)
    start = traverse_util.flatten_dict(Session.load(sprites_run).params, sep="/")
    close = lambda path: np.allclose(found[path], start[path], rtol=1e-5, atol=1e-7)
    moved = {path.split("/")[0] for path in start if not close(path)}
    assert {path.split("/")[0] for path in start} - moved == {
        "encoders_caption",
        "decoders_caption",
    }
    cards = json.loads((run / "card.json").read_text())["captions"]
    assert cards["without_caption"] > 2 * cards["with_caption"]


def warm(run, words, **changes):
    config = tiny.config(init__from_run=str(run), data__image_size=32, data__channels=3, **changes)
    return warm_start.warm_start(config, anew(config, words), words)


def test_a_start_that_cannot_be_is_one_sentence_and_claims_no_directory(
    sprites_dataset, sprites_run, words, tmp_path
):
    with pytest.raises(UserError, match="is not a run directory"):
        warm(tmp_path, words)
    wide = {f"model__modalities__{name}__width": 48 for name in ("image", "caption")}
    with pytest.raises(UserError, match=r"\d+% of this model's parameters do not fit"):
        warm(sprites_run, words, **wide)
    heads = {"model__modalities__image__heads": 4, "model__prior__width": 64}
    with pytest.raises(UserError, match="do not fit"):
        warm(sprites_run, words, **heads)
    frozen = {"train__freeze": ("encoders_*", "prior/*"), "init__skip": ("prior/*",)}
    with pytest.raises(UserError, match=r"random parameters of prior; add '!prior\*'"):
        warm(sprites_run, words, **frozen)
    config = short(finetune_style.get_config(sprites_run), sprites_dataset, train__freeze=("x",))
    with pytest.raises(UserError, match="no parameter is named x"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__freeze": ("prior/*",)}, "type --config.init.from_run=RUN"),
        ({"init__skip": ("prior/*",)}, "type --config.init.from_run=RUN"),
        ({"train__freeze": ("*", "!*adapter*"), "init__from_run": "r"}, "adapter_rank=8"),
    ],
)
def test_settings_that_need_others_say_so(changes, message):
    with pytest.raises(UserError, match=message):
        checks.validate(tiny.config(**changes))


def test_a_flow_decoder_is_trained_behind_a_run_that_stays(words, tmp_path):
    """configs/flow_decoder.py: the flow is new, the mean decoder loaded, all but the flow held."""
    source = session(words)
    (tmp_path / "config.json").write_text(to_json(source.config))
    config = flow_decoder.get_config(str(tmp_path))
    checks.validate(config)
    start = warm_start.taken_over(source, config, anew(config, words, seed=1), words)
    new = set(fates(start)[warm_start.NEW])
    assert new and all(path.startswith("decoders_image/flow/") for path in new)
    assert set(fates(start)) == {warm_start.NEW, warm_start.LOADED}
    held = traverse_util.flatten_dict(optimizer.frozen(config, start.params), sep="/")
    assert {path for path, is_held in held.items() if not is_held} == new
    warm_start._check_fit(start, config, start.params)
    warm_start._check_frozen(start, config, start.params)
