"""Cleaning of pictures and the search for duplicates, on small generated files."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from data_prep.stages import duplicates, images
from data_prep.stages.images import Cleaned, Refused, Rules
from mmvae.data.pictures import eight_bits, load
from mmvae.errors import UserError
from support.drawings import bomb, coloured, drawing, png_of, to_bytes

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


@pytest.mark.parametrize(
    ("scale", "kind", "suffix"),
    [
        (4095, np.uint16, "PNG"),
        (65535, np.uint16, "PNG"),
        (1023, np.uint16, "TIFF"),
        (255, np.int32, "TIFF"),
        (2_000_000, np.int32, "TIFF"),
        (1.0, np.float32, "TIFF"),
        (0.001, np.float32, "TIFF"),
        (1e9, np.float32, "TIFF"),
    ],
)
def test_levels_of_another_depth_are_scaled_by_the_range_in_use(scale, kind, suffix):
    grey = np.asarray(drawing(2, 64, 64).convert("L"), np.float64)
    deep = Image.fromarray((grey / 255 * scale).astype(kind))
    pixels = np.asarray(stored(to_bytes(deep, suffix)), np.float64)
    assert np.corrcoef(pixels.ravel(), grey.ravel())[0, 1] > 0.999
    assert pixels.max() >= 120  # never darker than half as bright


def test_signed_levels_and_those_in_a_narrow_band_fill_the_range():
    grey = np.asarray(drawing(2, 64, 64).convert("L"), np.float64)
    for deep in (grey.astype(np.int32) * 8 - 1000, (30000 + 4 * grey).astype(np.uint16)):
        pixels = np.asarray(stored(to_bytes(Image.fromarray(deep), "TIFF")))
        assert (pixels.min(), pixels.max()) == (0, 255)


def test_levels_that_are_no_numbers_become_black():
    levels = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    levels[0, 0], levels[0, 1] = np.nan, np.inf
    assert (eight_bits(levels)[0, :2] == 0).all()
    assert (eight_bits(np.full((4, 4), np.nan)) == 0).all()


def deep_png(scale):
    """A PNG of 16 bits a channel in colour, which Pillow cannot write."""
    levels = (np.asarray(coloured(), np.float64) / 255 * scale).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", 96, 96, 16, 2, 0, 0, 0)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")])


def double_tiff():
    """A TIFF of 64-bit floating point, which Pillow cannot read."""
    tags = [(256, 8), (257, 8), (258, 64), (259, 1), (262, 1), (273, 200), (277, 1), (279, 512)]
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in [*tags, (339, 3)])
    head = b"II*\0" + struct.pack("<IH", 8, len(tags) + 1) + rows + b"\0" * 4
    return head.ljust(200, b"\0") + np.random.default_rng(0).random(64).tobytes()


@pytest.mark.parametrize(
    ("source", "depth"),
    [
        (deep_png(4095), "12 bits or fewer"),
        (double_tiff(), "TIFF of 64-bit floating-point levels, 1 a pixel"),
        (
            to_bytes(drawing(1), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
            "12-bit",
        ),
    ],
    ids=["12-bit colours", "double", "12-bit jpeg"],
)
def test_a_depth_that_is_not_read_is_named(source, depth):
    refused = images.clean(source, RULES)
    assert refused.reason == "picture of a depth that is not read"
    assert depth in refused.detail
    with pytest.raises(UserError, match="cannot be read|not a picture"):
        load(source, (32, 32, 3))


def test_colours_of_16_bits_are_read():
    plain, deep = stored(to_bytes(coloured())), stored(deep_png(65535))
    assert np.abs(np.asarray(plain, np.int16) - np.asarray(deep, np.int16)).max() <= 1


def test_a_large_blank_picture_costs_little_more_than_its_pixels():
    side = 6000
    content = to_bytes(Image.new("1", (side, side)))
    tracemalloc.start()
    try:
        assert images.clean(content, RULES).reason == "picture blank"
        assert tracemalloc.get_traced_memory()[1] < 2 * 3 * side**2  # NumPy tells it of its arrays
    finally:
        tracemalloc.stop()


def test_a_picture_of_colours_of_one_lightness_is_not_blank():
    image = Image.new("RGB", (96, 96), (200, 60, 60))
    image.paste((60, 128, 60), (20, 20, 70, 70))
    assert np.asarray(image.convert("L")).std() < 4
    assert images.clean(to_bytes(image), RULES).channels == 3


def test_a_small_coloured_part_makes_a_picture_coloured():
    image = Image.new("RGB", (96, 96), "white")
    image.paste((0, 0, 0), (20, 20, 70, 70))
    image.paste((220, 20, 20), (40, 40, 50, 50))
    assert images.clean(to_bytes(image), RULES).channels == 3


def cleaned(pictures):
    return [images.clean(to_bytes(picture), RULES) for picture in pictures]


def clusters_of(pictures):
    return duplicates.clusters(cleaned(pictures))


SHAPES = {
    "circle": lambda pen, fill: pen.ellipse([14, 14, 50, 50], fill=fill),
    "square": lambda pen, fill: pen.rectangle([14, 14, 50, 50], fill=fill),
    "triangle": lambda pen, fill: pen.polygon([(32, 12), (52, 50), (12, 50)], fill=fill),
}
COLOURS = "red green blue yellow black purple orange brown pink grey cyan".split()


def shape(name, fill, paper="white"):
    image = Image.new("RGB", (64, 64), paper)
    SHAPES[name](ImageDraw.Draw(image), fill)
    return image


@pytest.mark.parametrize("name", SHAPES)
def test_pictures_of_another_colour_are_other_pictures(name):
    colours = [c for c in COLOURS if c not in ("grey", "pink")]
    assert len(set(clusters_of([shape(name, colour) for colour in colours]))) == len(colours)
    papers = ["white", "lightgreen", "lightblue", "pink", "yellow"]
    assert len(set(clusters_of([shape(name, "black", paper) for paper in papers]))) == len(papers)


def test_copies_of_a_coloured_picture_share_a_cluster():
    picture = coloured().resize((192, 192), Image.Resampling.BICUBIC)
    faded = ImageEnhance.Color(picture).enhance(0.8)
    jpeg = Image.open(io.BytesIO(to_bytes(picture, "JPEG", quality=30)))
    copies = [picture, faded, jpeg, picture.resize((90, 90)), ImageOps.autocontrast(picture)]
    assert len(set(clusters_of(copies))) == 1


def test_yellowed_paper_is_not_another_colour():
    cut = np.asarray(drawing(5, 200, 160), np.float32) / 255
    cut[:4], cut[-4:], cut[:, :4], cut[:, -4:] = 1, 1, 1, 1
    scans = [cut * np.array(paper) for paper in ([255] * 3, [240, 225, 190], [220, 190, 140])]
    pictures = [Image.fromarray(scan.astype(np.uint8)) for scan in scans]
    assert len(set(clusters_of(pictures))) == 1
    assert (
        len(
            set(
                clusters_of(
                    [pictures[0], Image.fromarray((cut * [190, 140, 220]).astype(np.uint8))]
                )
            )
        )
        == 2
    )


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
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, 50, np.uint64).tolist()
    hashes[40] = hashes[3] ^ 5
    thumbnails = [random.bytes(images.THUMBNAIL**2) for _ in range(50)]
    thumbnails[40] = thumbnails[3]
    tint = bytes(3 * (images.TINT**2 + 1))
    pictures = [
        Cleaned(b"", 1, 0, *fingerprint, tint)
        for fingerprint in zip(hashes, thumbnails, strict=True)
    ]
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    numbers = duplicates.clusters(pictures)
    assert numbers[3] == numbers[40]
    assert len(set(numbers)) == 49


def test_best_of_a_cluster_is_kept():
    small, large = drawing(9, 64, 64), drawing(9, 192, 192)
    found = cleaned([small, large])
    ranks = [(True, c.pixels) for c in found]
    assert duplicates.instead(["small", "large"], found, ranks) == {"small": "large"}


def test_near_duplicates_can_be_kept_and_exact_ones_never_are():
    pictures = cleaned([drawing(9), drawing(9, 192, 192), drawing(9), drawing(10)])
    left_out = duplicates.instead("abcd", pictures, [c.pixels for c in pictures], near=False)
    assert left_out == {"c": "a"}
