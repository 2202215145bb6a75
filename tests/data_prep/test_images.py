"""Cleaning of pictures and the search for duplicates, on small generated files."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from data_prep.stages import duplicates, images
from data_prep.stages.images import Cleaned, Refused, Rules
from support.drawings import bomb, coloured, drawing, to_bytes

RULES = Rules(size=64, channels=0, min_side=32, max_aspect=4.0)


def stored(source, rules=RULES):
    cleaned = images.clean(source, rules)
    assert isinstance(cleaned, Cleaned), cleaned
    return Image.open(io.BytesIO(cleaned.png))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"not a picture", "picture unreadable"),
        (b"", "picture unreadable"),
        (to_bytes(drawing(1), "JPEG")[:-400], "picture truncated"),
        (to_bytes(drawing(1))[:-400], "picture truncated"),
        (bomb(), "picture too large (decompression bomb)"),
        (to_bytes(drawing(1, 31, 40)), "picture too small"),
        (to_bytes(drawing(1, 40, 200)), "picture too long"),
        (to_bytes(Image.new("RGB", (96, 96), "grey")), "picture blank"),
    ],
    ids=["text", "empty", "cut jpeg", "cut png", "bomb", "small", "long", "blank"],
)
def test_bad_pictures_are_refused_with_a_reason(source, reason):
    refused = images.clean(source, RULES)
    assert isinstance(refused, Refused)
    assert refused.reason == reason


def test_missing_file_is_refused(tmp_path):
    assert images.clean(tmp_path / "none.png", RULES).reason == "picture file missing"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK", "1", "LA", "I;16"])
def test_every_mode_becomes_a_square_of_the_right_size(mode):
    source = drawing(2).convert("L") if mode == "I;16" else drawing(2)
    image = source.convert(mode)
    if mode == "I;16":
        image = Image.fromarray((np.asarray(source, np.uint16) * 257).astype(np.uint16))
    result = stored(to_bytes(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert result.size == (64, 64)
    if mode in ("RGB", "RGBA", "L", "LA", "I;16"):
        original = np.asarray(drawing(2).convert("L").resize((64, 64), 1), np.float32)
        assert np.abs(np.asarray(result.convert("L"), np.float32) - original).mean() < 3


def test_transparent_becomes_paper():
    image = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    image.paste(drawing(3, 40, 40), (28, 28))
    assert stored(to_bytes(image)).convert("L").getpixel((2, 2)) == 255


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[274] = 6  # turned by 90 degrees
    wide = Image.new("L", (96, 48), 255)
    wide.paste(0, (0, 0, 48, 48))
    turned = np.asarray(stored(to_bytes(wide, "JPEG", exif=exif)))
    assert turned[5, 32] < 60  # black half on top, not on the left
    assert turned[58, 32] > 200


def test_padding_takes_the_colour_of_the_paper():
    page = Image.new("L", (96, 48), 200)
    page.paste(10, (40, 15, 56, 33))
    pixels = np.asarray(stored(to_bytes(page)))
    assert (pixels[:15] == 200).all()
    assert pixels.min() < 30


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (0, "RGB")])
def test_channels(channels, mode):
    result = images.clean(to_bytes(coloured()), Rules(64, channels, 32, 4.0))
    final = images.encode(result.png, channels or result.channels, "png")
    assert Image.open(io.BytesIO(final)).mode == mode


def test_grey_pictures_are_stored_grey_whatever_their_mode():
    assert images.clean(to_bytes(drawing(4)), RULES).channels == 1
    assert images.clean(to_bytes(coloured()), RULES).channels == 3


def clusters_of(pictures):
    found = [images.clean(to_bytes(picture), RULES) for picture in pictures]
    return duplicates.clusters([c.hash for c in found], [c.thumbnail for c in found])


def test_copies_share_a_cluster_and_others_do_not():
    first = drawing(5, 200, 160)
    page = Image.new("RGB", (300, 260), first.getpixel((0, 0)))
    page.paste(first, (50, 50))
    copies = [first, first.resize((100, 80)), first.filter(ImageFilter.GaussianBlur(1))]
    found = clusters_of([*copies, drawing(6, 200, 160), drawing(7, 200, 160)])
    assert len(set(found[:3])) == 1
    assert len(set(found)) == 3


def test_margins_do_not_hide_a_duplicate():
    cut = Image.new("L", (100, 100), 255)
    cut.paste(drawing(8, 60, 60).point(lambda v: v // 2), (20, 20))
    wider = Image.new("L", (160, 140), 255)
    wider.paste(cut, (50, 10))
    assert len(set(clusters_of([cut, wider]))) == 1


def test_many_pictures_are_compared_in_blocks(monkeypatch):
    hashes = np.random.default_rng(0).integers(0, 2**63, 50, np.uint64)
    hashes[40] = hashes[3] ^ np.uint64(5)
    thumbnails = [np.random.default_rng(i).bytes(images.THUMBNAIL**2) for i in range(50)]
    thumbnails[40] = thumbnails[3]
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    found = duplicates.clusters(hashes, thumbnails)
    assert found[3] == found[40]
    assert len(set(found)) == 49


def test_best_of_a_cluster_is_kept():
    small, large = drawing(9, 64, 64), drawing(9, 192, 192)
    found = [images.clean(to_bytes(picture), RULES) for picture in (small, large)]
    ranks = [(True, c.pixels) for c in found]
    assert duplicates.instead(["small", "large"], found, ranks) == {"small": "large"}
