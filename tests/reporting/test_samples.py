"""Sample grids and caption tables of a run over time."""

import base64
import io
import random
from types import SimpleNamespace

import pytest
from PIL import Image

from mmvae.reporting import samples


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    for step in range(0, 1000, 100):
        Image.new("RGB", (64, 32), (step // 4, 0, 0)).save(folder / f"generated_{step:07d}.png")
    Image.new("RGB", (64, 32)).save(folder / "reconstruction_0000500.png")
    Image.new("RGB", (64, 32)).save(folder / "extra_0000500.png")
    (folder / "notes.png").write_bytes(b"of another program")
    return SimpleNamespace(path=tmp_path)


def test_the_first_the_last_and_some_between_are_shown(run):
    grids = samples.grids(run)
    assert list(grids) == ["reconstruction", "generated", "extra"]
    assert [picture.step for picture in grids["generated"]] == [0, 300, 600, 900]
    assert samples.last_grid(run, "generated").step == 900
    assert samples.last_grid(run, "caption_to_image") is None


def test_pictures_are_embedded_and_large_ones_shrunk(run, tmp_path):
    large = tmp_path / "large.png"
    Image.new("RGB", (4000, 1000), "red").save(large)
    kind, _, body = samples.data_uri(large).partition(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as picture:
        assert picture.size == (900, 225)


def test_what_cannot_be_read_is_left_out(run):
    assert samples.data_uri(run.path / "samples" / "notes.png") is None


def test_no_damage_of_a_picture_is_an_error(run):
    path, chance = run.path / "samples" / "generated_0000900.png", random.Random(0)
    whole = path.read_bytes()
    # The chunk of the pixels with a name that is none: Pillow has a SyntaxError for it.
    assert whole.count(b"IDAT") == 1
    odd = [whole.replace(b"IDAT", b"\xe1\x00\x01\xff"), whole[:50], whole[:-20], b""]
    for _ in range(200):
        content = bytearray(whole)
        content[chance.randrange(len(whole))] = chance.randrange(256)
        odd.append(bytes(content))
    shown = []
    for content in odd:
        path.write_bytes(content)
        shown.append(samples.data_uri(path))
    assert None in shown


def test_a_damaged_table_of_captions_is_shown_as_far_as_it_can_be(run):
    path = run.path / "samples" / "captions_0000900.csv"
    path.write_bytes(b"caption,reconstruction\nheart,h\xaeart\n")
    assert samples.captions(run).rows == [["heart", "h\ufffdart"]]
    path.write_bytes(b"caption,reconstruction\nheart," + b"x" * 200_000 + b"\n")
    assert samples.captions(run) is None


def test_the_newest_table_of_captions_is_shown(run):
    assert samples.captions(run) is None
    for step, words in ((100, "early"), (900, "late")):
        path = run.path / "samples" / f"captions_{step:07d}.csv"
        path.write_text(f'caption,caption of the picture\n"a, b",{words}\n', encoding="utf-8")
    table = samples.captions(run)
    assert table == (900, ["caption", "caption of the picture"], [["a, b", "late"]])
